"""FTP without TLS, with explicit and with implicit TLS. Blocks while it works, so one file at a time."""

import contextlib
import ftplib
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from nightdrop.syncjs.remotes import names
from nightdrop.syncjs.remotes.ftplist import Entry, format_time, parse_facts, parse_line, parse_own_facts, parse_time
from nightdrop.syncjs.remotes.ftpwire import Control, MissingError, TlsMode, UnknownCommandError, answers
from nightdrop.syncjs.remotes.port import Dial, Item, ItemKind, Limits, RemoteError

_PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class FtpsLogin:
    """Where to connect and as whom; ``context`` makes the TLS context."""

    host: str
    port: int
    user: str
    mode: TlsMode
    context: Callable[[], ssl.SSLContext]
    password: str = field(default="", repr=False)


class FtpsRemote:
    """One control connection, and a data connection for each listing and file."""

    renames_dirs: ClassVar[bool] = True
    can_resume: ClassVar[bool] = True
    confirms_writes: ClassVar[bool] = False
    writes_whole: ClassVar[bool] = False
    writes_times: ClassVar[bool] = False
    tells_times: ClassVar[bool] = False
    dirs_vanish: ClassVar[bool] = False

    def __init__(self, login: FtpsLogin, dial: Dial, limits: Limits | None = None) -> None:
        self.parallel = 1
        self.exact_times = False
        self._login = login
        self._dial = dial
        self._limits = limits or Limits()
        self._open: Control | None = None
        self._start = "/"
        self._sets_times = True

    async def connect(self) -> None:
        control = Control(self._dial, self._limits)
        login = self._login
        try:
            with answers("connect"):
                context = login.context() if login.mode is not TlsMode.NONE else None
                control.open(login.host, login.port, login.mode, context)
            with answers("log in"):
                _sign_in(control, login)
                self._start = control.pwd()
        except RemoteError:
            control.close()
            raise
        self._open = control
        self.exact_times = "MLST" in control.features

    async def close(self) -> None:
        control, self._open = self._open, None
        if control:
            with contextlib.suppress(ftplib.Error, OSError, EOFError, RemoteError):
                if control.sock:
                    control.sock.settimeout(1)
                control.putcmd("QUIT")
            control.close()

    def _control(self, step: str) -> Control:
        if self._open is None:
            raise RemoteError(step, "not connected", lost=True)
        return self._open

    async def list_dir(self, path: str, *, times: bool = True) -> AsyncGenerator[Item, None]:
        del times
        control = self._control("list")
        with answers("list"):
            if "MLST" in control.features:
                lines = control.lines(f"MLSD {path}".rstrip(), self._limits.entries)
                found = [entry for line in lines if (entry := parse_facts(line))]
            else:
                found = self._plain_list(control, path)
        for entry in found:
            if entry.name not in (".", ".."):
                yield await self._item(entry, names.below(path, entry.name))

    def _plain_list(self, control: Control, path: str) -> list[Entry]:
        # LIST takes options and masks where a path should be, so it is not given one.
        with self._directory(control, path):
            try:
                lines = control.lines("LIST -a", self._limits.entries)
            except UnknownCommandError:
                lines = control.lines("LIST", self._limits.entries)
        now = datetime.now(UTC)
        return [entry for line in lines if (entry := parse_line(line, now))]

    @contextlib.contextmanager
    def _directory(self, control: Control, path: str) -> Iterator[None]:
        if path:
            control.cwd(path)
        try:
            yield
        finally:
            if path:
                with contextlib.suppress(ftplib.Error, OSError, EOFError):
                    control.cwd(self._start)

    async def _item(self, entry: Entry, path: str) -> Item:
        if entry.kind is not None:
            return Item(entry.name, path, entry.kind, entry.size, entry.mtime, entry.permissions)
        there = await self.stat(path) if names.is_name(entry.name) else None
        if there is None:
            return Item(entry.name, path, ItemKind.OTHER, link=True)
        return Item(entry.name, path, there.kind, there.size, there.mtime, there.permissions, link=True)

    async def stat(self, path: str) -> Item | None:
        control = self._control("stat")
        name = names.base(path)
        try:
            with answers("stat"):
                if "MLST" in control.features:
                    return _from_facts(control.sendcmd(f"MLST {path}".rstrip()), name, path)
                return self._plain_stat(control, name, path)
        except MissingError:
            return None

    def _plain_stat(self, control: Control, name: str, path: str) -> Item:
        if path in ("", "/", "."):
            return Item(name, path, ItemKind.DIR)
        try:
            size = int(control.sendcmd(f"SIZE {path}")[4:])
        except ftplib.error_perm:
            control.cwd(path)
            control.cwd(self._start)
            return Item(name, path, ItemKind.DIR)
        mtime = None
        with contextlib.suppress(ftplib.error_perm):
            mtime = parse_time(control.sendcmd(f"MDTM {path}")[4:])
        return Item(name, path, ItemKind.FILE, size, mtime)

    async def make_dir(self, path: str) -> None:
        with answers("make directory"):
            self._control("make directory").voidcmd(f"MKD {path}")

    async def remove_file(self, path: str) -> None:
        with answers("delete"):
            self._control("delete").voidcmd(f"DELE {path}")

    async def remove_dir(self, path: str) -> None:
        with answers("delete"):
            self._control("delete").voidcmd(f"RMD {path}")

    async def rename(self, old: str, new: str) -> None:
        with answers("rename"):
            self._control("rename").rename(old, new)

    async def set_mtime(self, path: str, when: float) -> bool:
        control = self._control("set time")
        if not self._sets_times:
            return False
        # Without MFMT, many servers take MDTM with a time before the path.
        command = "MFMT" if "MFMT" in control.features else "MDTM"
        try:
            with answers("set time"):
                control.voidcmd(f"{command} {format_time(when)} {path}")
        except RemoteError as exc:
            if exc.lost:
                raise
            self._sets_times = not isinstance(exc, UnknownCommandError)
            return False
        return True

    def note_no_directory(self, path: str) -> None:
        """Do nothing: the server itself refuses to write where a directory is."""

    async def open_read(self, path: str, offset: int = 0) -> "FtpReader":
        control = self._control("download")
        with answers("download"):
            size = _size(control, path)
            if offset:
                control.sendcmd(f"REST {offset}")
            return FtpReader(control, control.open_data(f"RETR {path}"), size)

    async def open_write(self, path: str, size: int | None, offset: int = 0, mtime: float | None = None) -> "FtpWriter":
        del size, mtime
        control = self._control("upload")
        with answers("upload"):
            # The engine goes on where the server's file ends, and every server can append.
            return FtpWriter(control, control.open_data(f"{'APPE' if offset else 'STOR'} {path}"))


class FtpReader:
    """A file on its data connection."""

    def __init__(self, control: Control, data: socket.socket, size: int | None) -> None:
        self.size = size
        self.mtime: float | None = None
        self._control, self._data = control, data
        self._ended = False

    async def read(self) -> bytes:
        if self._ended:
            return b""
        with answers("download"):
            piece = self._data.recv(_PIECE_BYTES)
            if not piece:
                self._ended = True
                self._data.close()
                # The server's word that this was all of it.
                self._control.voidresp()
        return piece

    async def close(self) -> None:
        if not self._ended:
            self._ended = True
            _abandon(self._control, self._data)


class FtpWriter:
    """A file on its data connection; what was sent may be in buffers for long."""

    def __init__(self, control: Control, data: socket.socket) -> None:
        self.safe = 0
        self._control, self._data = control, data
        self._answered = False

    async def write(self, data: bytes) -> None:
        with answers("upload"):
            try:
                self._data.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                # The server has said why, if it is still there.
                self._end()
                raise

    async def finish(self) -> None:
        with answers("upload"):
            _end_tls(self._data)
            self._end()

    def _end(self) -> None:
        """Close the data connection and read the server's word on it, which comes once."""
        self._data.close()
        self._answered = True
        self._control.voidresp()

    async def abort(self) -> None:
        if not self._answered:
            self._answered = True
            _abandon(self._control, self._data)


def _sign_in(control: Control, login: FtpsLogin) -> None:
    try:
        control.sign_in(login.user, login.password)
    except ftplib.error_perm as exc:
        if str(exc).startswith("530"):
            # Not the server's words, which may repeat what was sent.
            raise RemoteError("log in", "the server refused the user or the password") from None
        raise


def _from_facts(reply: str, name: str, path: str) -> Item | None:
    lines = reply.splitlines()
    entry = parse_own_facts(lines[1]) if len(lines) > 2 else None
    if entry is None:
        return None
    return Item(name, path, entry.kind or ItemKind.OTHER, entry.size, entry.mtime, entry.permissions)


def _size(control: Control, path: str) -> int | None:
    try:
        return int(control.sendcmd(f"SIZE {path}")[4:])
    except ftplib.error_perm:
        return None


def _end_tls(data: socket.socket) -> None:
    """Say that the data ends here; a server must not take a cut connection for that."""
    if isinstance(data, ssl.SSLSocket):
        # Some servers just close, which is no answer but no failure either: the reply decides.
        with contextlib.suppress(OSError):
            data.unwrap()


def _abandon(control: Control, data: socket.socket) -> None:
    """Give a transfer up; the control connection is used on if it still answers."""
    data.close()
    with contextlib.suppress(ftplib.Error, OSError, EOFError, RemoteError):
        control.getresp()
