"""SFTP (draft-ietf-secsh-filexfer-02, version 3) over SSH, with asyncssh."""

import asyncio
import contextlib
import stat as modes
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar, cast

import asyncssh

from nightdrop.syncjs.remotes import hostkeys
from nightdrop.syncjs.remotes.gathering import Gathering
from nightdrop.syncjs.remotes.port import Dial, DialError, Item, ItemKind, Limits, RemoteError, clean
from nightdrop.syncjs.remotes.sftperrors import MissingError, UnsupportedError, failure
from nightdrop.syncjs.remotes.sftpfile import FileReader, FileWriter

# The fast ones first: asyncssh spends its time here.
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
# What a server may have a host key of, best first; SHA-1 signatures and DSA are not accepted.
_HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_AUTH = "publickey,keyboard-interactive,password"
_PARALLEL = 32

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SftpLogin:
    """Where to connect and as whom."""

    host: str
    port: int
    user: str
    host_keys: hostkeys.HostKeys
    password: str = field(default="", repr=False)
    key: asyncssh.SSHKey | None = field(default=None, repr=False)


class _Client(asyncssh.SSHClient):
    def __init__(self, expected: hostkeys.HostKeys) -> None:
        self._expected = expected
        self.refused: asyncssh.SSHKey | None = None
        self.accepted = False

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        del host, addr, port
        self.accepted = self._expected.matches(key.public_data)
        if not self.accepted:
            self.refused = key
        return self.accepted


class SftpRemote:
    """One SSH connection with one SFTP session."""

    renames_dirs: ClassVar[bool] = True
    can_resume: ClassVar[bool] = True
    confirms_writes: ClassVar[bool] = True
    writes_whole: ClassVar[bool] = False
    writes_times: ClassVar[bool] = False
    tells_times: ClassVar[bool] = False
    dirs_vanish: ClassVar[bool] = False

    def __init__(self, login: SftpLogin, dial: Dial, limits: Limits | None = None) -> None:
        self.parallel = _PARALLEL
        self.exact_times = True
        self._login = login
        self._dial = dial
        self._limits = limits or Limits()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._sftp: asyncssh.SFTPClient | None = None
        self._late = False

    async def connect(self) -> None:
        try:
            async with asyncio.timeout(self._limits.connect_s):
                self._late = False
                self._connection = await self._log_in()
                self._sftp = await self._connection.start_sftp_client(path_errors="surrogateescape")
        except TimeoutError:
            await self.close()
            raise RemoteError("connect", "the server did not answer in time", lost=True) from None
        except RemoteError:
            await self.close()
            raise
        except (asyncssh.Error, OSError) as exc:
            await self.close()
            raise failure("connect", exc) from None

    async def _log_in(self) -> asyncssh.SSHClientConnection:
        """Connect; a server with several host keys is asked for each kind before its key counts as wrong.

        A fingerprint does not tell the kind of its key, so the one that the server prefers may be another.
        """
        kinds = list(_HOST_KEYS)
        wrong: asyncssh.SSHKey | None = None
        while True:
            client = _Client(self._login.host_keys)
            try:
                return await self._attempt(client, kinds)
            except asyncssh.HostKeyNotVerifiable:
                if client.refused is None:
                    raise
                wrong = client.refused
                kinds = [kind for kind in kinds if _family(kind) != _family(wrong.get_algorithm())]
                if not kinds:
                    raise _wrong_host_key(wrong) from None
            except (asyncssh.Error, OSError):
                if wrong is None or client.accepted:
                    raise
                # There is no key of another kind.
                raise _wrong_host_key(wrong) from None

    async def _attempt(self, client: _Client, kinds: list[str]) -> asyncssh.SSHClientConnection:
        login = self._login
        try:
            sock = self._dial(login.host, login.port, self._limits.connect_s)
        except DialError as exc:
            raise RemoteError("connect", clean(exc), lost=True) from None
        sock.setblocking(False)
        try:
            return await asyncssh.connect(
                login.host,
                login.port,
                tunnel=Gathering(sock),
                client_factory=lambda: client,
                # Nothing of the account that nightdrop runs as: no configuration, agent, keys or known hosts.
                config=None,
                agent_path=None,
                known_hosts=asyncssh.import_known_hosts(""),
                client_keys=[login.key] if login.key else None,
                client_host_keys=None,
                gss_host=None,
                username=login.user,
                password=login.password or None,
                preferred_auth=_AUTH,
                encryption_algs=list(_CIPHERS),
                server_host_key_algs=kinds,
                compression_algs=None,
                login_timeout=self._limits.connect_s,
                keepalive_interval=0,
            )
        except BaseException:
            sock.close()
            raise

    async def close(self) -> None:
        sftp, self._sftp = self._sftp, None
        connection, self._connection = self._connection, None
        if sftp:
            sftp.exit()
        if connection:
            connection.abort()
            await _quietly(connection.wait_closed(), 1)

    async def list_dir(self, path: str, *, times: bool = True) -> AsyncGenerator[Item, None]:
        del times
        entries = cast("AsyncGenerator[asyncssh.SFTPName, None]", self._session("list").scandir(path or "."))
        try:
            while True:
                try:
                    entry = await self._answer("list", anext(entries))
                except StopAsyncIteration:
                    return
                name = _text(entry.filename)
                if name not in (".", ".."):
                    yield await self._item(path, name, entry.attrs)
        finally:
            await _quietly(entries.aclose(), self._limits.answer_s)

    async def _item(self, folder: str, name: str, attrs: asyncssh.SFTPAttrs) -> Item:
        path = _below(folder, name)
        if not modes.S_ISLNK(attrs.permissions or 0):
            return _to_item(name, path, attrs)
        try:
            there = await self._answer("list", self._session("list").stat(path))
        except RemoteError as exc:
            if exc.lost:
                raise
            return Item(name, path, ItemKind.OTHER, link=True)
        return _to_item(name, path, there, link=True)

    async def stat(self, path: str) -> Item | None:
        try:
            attrs = await self._answer("stat", self._session("stat").stat(path or "."))
        except MissingError:
            return None
        return _to_item(path.rstrip("/").rpartition("/")[2], path, attrs)

    async def make_dir(self, path: str) -> None:
        await self._answer("make directory", self._session("make directory").mkdir(path))

    async def remove_file(self, path: str) -> None:
        await self._answer("delete", self._session("delete").remove(path))

    async def remove_dir(self, path: str) -> None:
        await self._answer("delete", self._session("delete").rmdir(path))

    async def rename(self, old: str, new: str) -> None:
        sftp = self._session("rename")
        try:
            await self._answer("rename", sftp.posix_rename(old, new))
        except UnsupportedError:
            # Version 3 renames onto nothing that exists.
            target = await self.stat(new)
            if target and not target.is_dir:
                await self.remove_file(new)
            await self._answer("rename", sftp.rename(old, new))

    async def set_mtime(self, path: str, when: float) -> bool:
        seconds = int(when)
        try:
            await self._answer("set time", self._session("set time").utime(path, (seconds, seconds)))
        except RemoteError as exc:
            if exc.lost:
                raise
            return False
        return True

    def note_no_directory(self, path: str) -> None:
        """Do nothing: the server itself refuses to write where a directory is."""

    async def open_read(self, path: str, offset: int = 0) -> FileReader:
        sftp = self._session("download")
        file = await self._answer("download", sftp.open(path, asyncssh.FXF_READ, encoding=None, block_size=0))
        reader = FileReader(file, self._answer, offset, sftp.limits.max_read_len)
        try:
            await reader.start()
        except BaseException:
            await reader.close()
            raise
        return reader

    async def open_write(self, path: str, size: int | None, offset: int = 0, mtime: float | None = None) -> FileWriter:
        del size, mtime
        sftp = self._session("upload")
        flags = asyncssh.FXF_WRITE | (0 if offset else asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC)
        file = await self._answer("upload", sftp.open(path, flags, encoding=None, block_size=0))
        return FileWriter(file, self._answer, offset, sftp.limits.max_write_len)

    def _session(self, step: str) -> asyncssh.SFTPClient:
        if self._sftp is None:
            raise RemoteError(step, "not connected", lost=True)
        return self._sftp

    async def _answer(self, step: str, request: Awaitable[T]) -> T:
        # A server that is late is given up altogether: requests that are cancelled would wait for it again to clean up.
        alarm = asyncio.get_running_loop().call_later(self._limits.answer_s, self._give_up)
        try:
            return await request
        except (asyncssh.Error, OSError) as exc:
            if self._late:
                raise RemoteError(step, "the server did not answer in time", lost=True) from None
            raise failure(step, exc) from None
        finally:
            alarm.cancel()

    def _give_up(self) -> None:
        self._late = True
        if self._connection:
            self._connection.abort()


async def _quietly(request: Awaitable[object], timeout_s: float) -> None:
    """Wait for what nobody needs the answer of."""
    with contextlib.suppress(TimeoutError, asyncssh.Error, OSError):
        async with asyncio.timeout(timeout_s):
            await request


def _to_item(name: str, path: str, attrs: asyncssh.SFTPAttrs, *, link: bool = False) -> Item:
    mode = attrs.permissions
    kind = _kind(attrs)
    # Eight bytes on the wire, but what a file cannot be is not believed.
    size = min(attrs.size or 0, 2**63 - 1) if kind is ItemKind.FILE else 0
    mtime = None if attrs.mtime is None else float(attrs.mtime)
    return Item(name, path, kind, size, mtime, "" if mode is None else modes.filemode(mode)[1:], link)


def _kind(attrs: asyncssh.SFTPAttrs) -> ItemKind:
    if attrs.permissions is None:
        return {
            asyncssh.FILEXFER_TYPE_DIRECTORY: ItemKind.DIR,
            asyncssh.FILEXFER_TYPE_REGULAR: ItemKind.FILE,
        }.get(attrs.type, ItemKind.FILE)
    if modes.S_ISDIR(attrs.permissions):
        return ItemKind.DIR
    # A server may send the permissions without the kind.
    plain = modes.S_ISREG(attrs.permissions) or not modes.S_IFMT(attrs.permissions)
    return ItemKind.FILE if plain else ItemKind.OTHER


def _text(name: bytes | str) -> str:
    return name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")


def _below(folder: str, name: str) -> str:
    return name if folder in ("", ".") else f"{folder.rstrip('/')}/{name}"


def _family(algorithm: str) -> str:
    return "rsa" if "rsa" in algorithm else algorithm


def _wrong_host_key(key: asyncssh.SSHKey) -> RemoteError:
    shown = clean(key.get_fingerprint("sha256"))
    return RemoteError("connect", f"the host key is not the expected one; the server has {shown}")
