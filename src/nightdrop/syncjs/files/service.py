"""The file functions of scripts: each call works, or is a line in the run's log and a result that says no."""

import base64
import os
import stat
from collections.abc import Callable
from typing import Any

from nightdrop.syncjs.files import digests, zips
from nightdrop.syncjs.files.problem import FileProblem, reason_of
from nightdrop.syncjs.files.tree import Entry, Files

_ALL, _FILES, _DIRS = 0, 1, 2
_MAX_SHOWN = 200
_MAX_MASKS = 10
# How many of the first arguments are paths, when it is not one.
_PATHS = {"CopyFile": 2, "MoveFile": 2, "UnzipFiles": 2, "ZipFiles": 2, "Hash": 0, "Hmac": 0}


class CallRefusedError(Exception):
    """The arguments are none that a script's call can have."""


class FileService:
    """Serves the calls of one run."""

    def __init__(
        self, files: Files, *, limit: int, log: Callable[[str, str], None], mask: Callable[[str, int], str]
    ) -> None:
        """Make it ready.

        Args:
            files: what the run can reach.
            limit: bytes that may be read or written in one call.
            log: takes a level and a line.
            mask: masks the values of secrets in a text and cuts it to a number of characters.
        """
        self._files = files
        self._limit = limit
        self._log = log
        self._mask = mask

    def call(self, step: str, arguments: list[Any]) -> Any:
        """Do one step; ``None`` when it cannot be done.

        Raises:
            CallRefusedError: no script can have asked for this.
        """
        action, *kinds = _STEPS[step]
        if not all(map(isinstance, arguments, kinds)):
            raise CallRefusedError
        try:
            return action(self, *arguments)
        except FileProblem as problem:
            reason = problem.reason if problem.about is None else f"{self._shown(problem.about)}: {problem.reason}"
        except OSError as error:
            reason = reason_of(error)
        except MemoryError:
            reason = "it is too large for the memory that there is"
        # The paths, never what is written or hashed.
        shown = " -> ".join(map(self._shown, arguments[: _PATHS.get(step, 1)]))
        self._log("error", f"{step} {shown}: {reason}" if shown else f"{step}: {reason}")
        return None

    def read_text(self, path: str) -> str:
        data = self._read(path, 0, self._limit)
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        if "\ufffd" in text and "\ufffd".encode() not in data:
            self._log("warn", f"ReadTextFile {self._shown(path)}: it is not all UTF-8; what is not was replaced")
        return text

    def read_bytes(self, path: str, offset: int, length: int) -> str:
        if offset < 0:
            raise FileProblem("the offset is negative")
        return base64.b64encode(self._read(path, offset, length if length >= 0 else self._limit)).decode("ascii")

    def write_text(self, path: str, text: str) -> bool:
        return self._write(path, text.encode("utf-8", "replace"))

    def write_bytes(self, path: str, data: str) -> bool:
        return self._write(path, _bytes(data))

    def append_text(self, path: str, text: str) -> bool:
        return self._append(path, text.encode("utf-8", "replace"))

    def append_bytes(self, path: str, data: str) -> bool:
        return self._append(path, _bytes(data))

    def delete(self, path: str) -> bool:
        self._files.delete(path)
        return True

    def copy(self, source: str, target: str) -> bool:
        self._files.copy(source, target)
        return True

    def move(self, source: str, target: str) -> bool:
        self._files.move(source, target)
        return True

    def file_exists(self, path: str) -> bool:
        found = self._files.look(path)
        return found is not None and not found.is_dir

    def dir_exists(self, path: str) -> bool:
        found = self._files.look(path)
        return found is not None and found.is_dir

    def size(self, path: str) -> int:
        found = self._files.look(path)
        if found is None or found.is_dir:
            raise FileProblem("it does not exist" if found is None else "it is a directory")
        return found.size

    def make_dir(self, path: str) -> bool:
        self._files.make_dir(path)
        return True

    def delete_dir(self, path: str) -> bool:
        self._files.delete_dir(path)
        return True

    def delete_tree(self, path: str) -> bool:
        self._files.delete_tree(path)
        return True

    def list_dir(self, path: str, types: int) -> list[dict[str, Any]]:
        if types not in {_ALL, _FILES, _DIRS}:
            raise FileProblem("the types must be LIST_ALL, LIST_FILES or LIST_DIRS")
        wanted = {_ALL: {False, True}, _FILES: {False}, _DIRS: {True}}[types]
        return [item(entry) for entry in self._files.list(path) if entry.is_dir in wanted]

    def zip(self, masks: list[str], target: str) -> bool:
        if not all(isinstance(mask, str) for mask in masks):
            raise CallRefusedError
        zips.pack(self._files, masks, target)
        return True

    def unzip(self, source: str, target: str) -> bool:
        zips.unpack(self._files, source, target)
        return True

    def hash_file(self, path: str, algorithm: str, form: str) -> str:
        return digests.file_digest(self._files, path, algorithm, form)

    def hash(self, data: str, algorithm: str, form: str) -> str:
        return digests.digest(_bytes(data), algorithm, form)

    def hmac(self, key: str, data: str, algorithm: str, form: str) -> str:
        return digests.keyed_digest(_bytes(key), _bytes(data), algorithm, form)

    def _shown(self, path: str | list[str]) -> str:
        # Masked before it is cut and escaped: what is left of a value would not be recognised.
        if isinstance(path, list):
            return ", ".join(map(self._shown, path[:_MAX_MASKS]))
        return repr(self._mask(path, _MAX_SHOWN))

    def _read(self, path: str, offset: int, length: int) -> bytes:
        with self._files.reading(path) as file:
            size = os.fstat(file.fileno()).st_size
            if min(length, size - offset) > self._limit or size - offset > length == self._limit:
                raise FileProblem(f"it has more than the {self._limit} bytes that can be read at once")
            file.seek(offset)
            return file.read(min(length, self._limit))

    def _write(self, path: str, data: bytes) -> bool:
        self._check(data)
        with self._files.replacing(path) as file:
            file.write(data)
        return True

    def _append(self, path: str, data: bytes) -> bool:
        self._check(data)
        with self._files.appending(path) as file:
            file.write(data)
        return True

    def _check(self, data: bytes) -> None:
        if len(data) > self._limit:
            raise FileProblem(f"it would be more than the {self._limit} bytes that can be written at once")


def item(entry: Entry) -> dict[str, Any]:
    """Return what the prelude makes a DirListItem of; the time is in milliseconds."""
    return {
        "Name": entry.name,
        "Path": entry.path,
        "Type": "DIR" if entry.is_dir else "FILE",
        "Size": entry.size,
        "TimeStamp": entry.mtime_ns // 1_000_000,
        "Permissions": stat.filemode(entry.mode)[1:],
    }


def uuid4() -> str:
    """Return a random UUID (RFC 9562, version 4)."""
    value = bytearray(os.urandom(16))
    value[6] = value[6] & 0x0F | 0x40
    value[8] = value[8] & 0x3F | 0x80
    text = value.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _bytes(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        raise CallRefusedError from None


# What a script may ask for, under the name that it has there, and the types of the arguments.
_STEPS: dict[str, tuple[Any, ...]] = {
    "ReadTextFile": (FileService.read_text, str),
    "ReadBinaryFile": (FileService.read_bytes, str, int, int),
    "WriteTextFile": (FileService.write_text, str, str),
    "WriteBinaryFile": (FileService.write_bytes, str, str),
    "AppendTextFile": (FileService.append_text, str, str),
    "AppendBinaryFile": (FileService.append_bytes, str, str),
    "DelFile": (FileService.delete, str),
    "CopyFile": (FileService.copy, str, str),
    "MoveFile": (FileService.move, str, str),
    "FileExists": (FileService.file_exists, str),
    "DirExists": (FileService.dir_exists, str),
    "FileSize": (FileService.size, str),
    "MakeDir": (FileService.make_dir, str),
    "DelDir": (FileService.delete_dir, str),
    "DelTree": (FileService.delete_tree, str),
    "ListDir": (FileService.list_dir, str, int),
    "ZipFiles": (FileService.zip, list, str),
    "UnzipFiles": (FileService.unzip, str, str),
    "HashFile": (FileService.hash_file, str, str, str),
    "Hash": (FileService.hash, str, str, str),
    "Hmac": (FileService.hmac, str, str, str, str),
}
STEPS = {step: len(kinds) for step, (_, *kinds) in _STEPS.items()}
# These may take a while.
LONG_STEPS = frozenset({"CopyFile", "MoveFile", "ZipFiles", "UnzipFiles", "HashFile", "DelTree"})
