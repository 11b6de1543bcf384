"""An SFTP server of asyncssh that lies, floods and stalls. The user's name says how."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncssh
from asyncssh.sftp import SFTPName

FILE_MODE, DIR_MODE, LINK_MODE = 0o100644, 0o040755, 0o120777


class Server(asyncssh.SSHServer):
    """Lets everybody in; ``banner`` in the user's name floods before that."""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.conn = conn

    def begin_auth(self, username: str) -> bool:
        if username == "endless banner":
            self.flood()
            return True
        return False

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        return await asyncio.Future()

    def flood(self) -> None:
        if not self.conn.is_closed():
            self.conn.send_auth_banner("Welcome! " * 3000)
            asyncio.get_running_loop().call_soon(self.flood)


class Files(asyncssh.SFTPServer):
    """What a directory holds, and how large files are, is invented."""

    def __init__(self, chan: asyncssh.SSHServerChannel, root: Path) -> None:
        super().__init__(chan, chroot=os.fsencode(root))
        self.how = chan.get_extra_info("username")

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        generate = LISTINGS.get(self.how)
        if generate is None:
            async for entry in super().scandir(path):
                yield entry
            return
        async for entry in generate(path):
            yield entry

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        if self.how == "deep" or self.how.startswith("name"):
            return attrs(DIR_MODE)
        return self._lying(super().stat(path))

    lstat = stat

    def fstat(self, file: object) -> asyncssh.SFTPAttrs:
        if self.how == "stalls at fstat":
            file.close()
            return asyncio.Future()  # never done
        return self._lying(super().fstat(file))

    def _lying(self, result: object) -> asyncssh.SFTPAttrs:
        found = asyncssh.SFTPAttrs.from_local(result) if isinstance(result, os.stat_result) else result
        lies = {"says smaller": 10, "says larger": 10_000_000, "says huge": 2**64 - 1, "endless file": 2**62}
        if self.how in lies and found.permissions & 0o170000 == 0o100000:
            found.size = lies[self.how]
        return found

    def read(self, file: object, offset: int, size: int):
        if self.how == "stalls at read":
            file.close()
            return asyncio.Future()
        if self.how == "endless file":
            return b"x" * size
        return super().read(file, offset, size)

    def write(self, file: object, offset: int, data: bytes):
        if self.how == "stalls at write":
            file.close()
            return asyncio.Future()
        if self.how == "swallows":
            return len(data)
        return super().write(file, offset, data)


def attrs(mode: int, size: int = 1) -> asyncssh.SFTPAttrs:
    return asyncssh.SFTPAttrs(permissions=mode, size=size, mtime=1_700_000_000, atime=1_700_000_000)


def entry(name: bytes, mode: int = FILE_MODE) -> SFTPName:
    return SFTPName(name, name, attrs(mode))


def named(name: bytes, mode: int = FILE_MODE) -> Callable[[bytes], AsyncIterator[SFTPName]]:
    async def listing(_: bytes) -> AsyncIterator[SFTPName]:
        yield entry(b"good")
        yield entry(name, mode)

    return listing


async def many(_: bytes) -> AsyncIterator[SFTPName]:
    for number in range(100_000):
        yield entry(b"%d" % number)


async def endless(_: bytes) -> AsyncIterator[SFTPName]:
    number = 0
    while True:
        number += 1
        yield entry(b"n%d" % number + b"x" * 200)


async def deep(_: bytes) -> AsyncIterator[SFTPName]:
    yield entry(b"d", DIR_MODE)


async def silent(_: bytes) -> AsyncIterator[SFTPName]:
    await asyncio.Future()
    yield entry(b"never")


NAMES: dict[str, bytes] = {
    "dots": b"../../escape",
    "parent": b"..x/../../escape",
    "absolute": b"/tmp/escape",
    "slash": b"a/b",
    "nul": b"a\0b",
    "empty": b"",
    "newline": b"a\nb",
    "terminal": b"a\x1b]0;b",
    "latin": b"gr\xfc\xdfe",
    "long": b"x" * 300,
    "very long": b"x" * 100_000,
}
LISTINGS: dict[str, Callable[[bytes], AsyncIterator[SFTPName]]] = {
    **{f"name {kind}": named(name) for kind, name in NAMES.items()},
    **{f"name dir {kind}": named(name, DIR_MODE) for kind, name in NAMES.items()},
    "many": many,
    "endless listing": endless,
    "deep": deep,
    "stalls at list": silent,
}


class HostileServer:
    """Runs in a thread; ``root`` holds the files that it does have."""

    def __init__(self, root: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)
        key = asyncssh.generate_private_key("ssh-ed25519")
        self._listening = self._loop.run_until_complete(
            asyncssh.listen(
                "127.0.0.1",
                0,
                server_factory=Server,
                server_host_keys=[key],
                sftp_factory=lambda chan: Files(chan, root),
                login_timeout=0,
            )
        )
        self.fields = {
            "Host": f"127.0.0.1:{self._listening.get_port()}",
            "HostKeySHA256": key.get_fingerprint("sha256"),
            "Pass": "x",
        }
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def stop(self) -> None:
        async def close() -> None:
            self._listening.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
