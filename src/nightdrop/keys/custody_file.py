"""The default custody: a file of mode 0600 outside the home directory."""

import errno
import os
import stat
from pathlib import Path

from nightdrop.core.errors import NightdropError
from nightdrop.core.home import write_private
from nightdrop.core.redacted import RedactedBytes
from nightdrop.crypto.memory import wipe
from nightdrop.keys.custody import (
    NodeKeyExistsError,
    NodeKeyExposedError,
    NodeKeyInvalidError,
    NodeKeyMissingError,
    NodeKeyNotStoredError,
)
from nightdrop.keys.printed import PrintedSeedError, format_seed, parse_seed

NODE_KEY_LABEL = "NIGHTDROP-NODE-1"
_MAX_FILE = 512
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class FileCustody:
    """Keeps the node key's seed in one file; see ``Custody`` for what the methods promise."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self.path = path

    def store(self, seed: RedactedBytes) -> None:
        text = format_seed(NODE_KEY_LABEL, seed.reveal())
        data = b"".join((text.reveal(), b"\n"))
        text.wipe()
        try:
            self._make_directory()
            write_private(self.path, data)
        except FileExistsError:
            raise NodeKeyExistsError(f"There is something at {self.path} already.") from None
        except OSError:
            raise NodeKeyNotStoredError(f"The node key could not be stored at {self.path}.") from None
        finally:
            wipe(data)

    def load(self) -> RedactedBytes:
        fd = self._open()
        try:
            self._check_file(os.fstat(fd))
            data = self._read(fd)
        finally:
            os.close(fd)
        try:
            return parse_seed(NODE_KEY_LABEL, data)
        except PrintedSeedError:
            raise NodeKeyInvalidError(f"The file {self.path} does not hold a node key.") from None
        finally:
            wipe(data)

    def check(self) -> list[NightdropError]:
        problems: list[NightdropError] = []
        try:
            self.load().wipe()
        except NightdropError as error:
            problems.append(error)
        try:
            parent = self.path.parent.stat()
        except OSError:
            return problems
        # Whoever may write the directory can put another key there, or take this one's place.
        if parent.st_mode & _OTHERS_WRITE and not parent.st_mode & stat.S_ISVTX:
            problems.append(NodeKeyExposedError(f"Other users may write to the directory {self.path.parent}."))
        return problems

    def _make_directory(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError:
            raise NodeKeyNotStoredError(f"{self.path.parent} is not a directory.") from None

    def _open(self) -> int:
        # O_NONBLOCK: a named pipe put there must not hang the keeper's start.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            return os.open(self.path, flags)
        except (FileNotFoundError, NotADirectoryError):
            raise NodeKeyMissingError(f"There is no node key at {self.path}.") from None
        except PermissionError:
            raise NodeKeyExposedError(f"The node key at {self.path} belongs to another user.") from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise NodeKeyExposedError(f"{self.path} is a symbolic link.") from None
            raise NodeKeyInvalidError(f"The node key at {self.path} cannot be read.") from None

    def _check_file(self, info: os.stat_result) -> None:
        if not stat.S_ISREG(info.st_mode):
            raise NodeKeyInvalidError(f"{self.path} is not a plain file.")
        if info.st_uid != os.geteuid():
            raise NodeKeyExposedError(f"The node key at {self.path} belongs to another user.")
        if info.st_mode & _OTHERS:
            raise NodeKeyExposedError(f"Other users may open the node key at {self.path}.")

    def _read(self, fd: int) -> bytearray:
        buffer = bytearray(_MAX_FILE)
        try:
            count = os.readv(fd, [buffer])
        except OSError:
            raise NodeKeyInvalidError(f"The node key at {self.path} cannot be read.") from None
        try:
            return buffer[:count]
        finally:
            wipe(buffer)
