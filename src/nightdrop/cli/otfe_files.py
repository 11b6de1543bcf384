"""Files of ``nightdrop otfe``: what is read, and an output that appears whole or not at all."""

import contextlib
import errno
import fcntl
import os
import secrets
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from nightdrop.cli.errors import reason
from nightdrop.core.errors import ConflictError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from nightdrop.otfe.coder import Coder

# What one read takes at most. Larger calls cost less each; memory stays the same whatever the size of the file.
READ_BYTES = 1024 * 1024
_KEY_FILE_BYTES = 65536


class InputFileError(NotFoundError):
    """The input cannot be read."""

    code = "otfe_input"
    hint = "Check the path and its permissions."


class KeyFileError(NotFoundError):
    """The file with the key cannot be read."""

    code = "otfe_key_file"
    hint = "Give the path of a file with an identity or a passphrase, never the thing itself."


class OutputFileError(InvalidError):
    """The output cannot be written."""

    code = "otfe_output"
    hint = "Check the directory, its permissions and the space on the disk. Nothing was left behind."


class OutputExistsError(ConflictError):
    """There is a file at the output's place already."""

    code = "otfe_output_exists"
    hint = "Choose another name, or give --force."


class TerminalOutputError(InvalidError):
    """The output would go to the terminal."""

    code = "otfe_terminal"
    hint = "Give -o FILE, or -o - if you mean it."


def read_key_file(path: Path) -> str:
    """Return the text of a small file with an identity or a passphrase.

    Raises:
        KeyFileError: it cannot be read, is no text or is too large. Its name is not repeated, it may be the key itself.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"The file with the key cannot be read: {reason(error)}.") from None
    if len(data) > _KEY_FILE_BYTES:
        raise KeyFileError("The file with the key is larger than 64 KiB.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise KeyFileError("The file with the key is not UTF-8 text.") from None


def read_pieces(path: Path | None) -> Iterator[memoryview]:
    """Yield a file, or standard input without ``path``, in pieces. Each is valid until the next is asked for.

    Raises:
        InputFileError
    """
    buffer = memoryview(bytearray(READ_BYTES))
    _widen(0)
    try:
        source = 0 if path is None else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            while count := os.readv(source, [buffer]):
                yield buffer[:count]
        finally:
            if path is not None:
                os.close(source)
    except OSError as error:
        raise InputFileError(f"The input cannot be read: {reason(error)}.") from None


def code_file(coder: "Coder", source: Path | None, write: Callable[[memoryview], None]) -> dict[str, int]:
    """Send a file through ``coder``; return how many bytes were read and written.

    Raises:
        InputFileError, OutputFileError, and what the coder raises.
    """
    read = written = 0
    out = memoryview(bytearray(coder.room_for(2 * READ_BYTES)))
    for piece in read_pieces(source):
        read += len(piece)
        count = coder.update_into(piece, out)
        written += count
        write(out[:count])
    rest = coder.finish()
    write(memoryview(rest))
    return {"read": read, "written": written + len(rest)}


@contextmanager
def output(path: Path | None, *, mode: int = 0o666, force: bool = False) -> Iterator[Callable[[memoryview], None]]:
    """Yield what writes the output; at the end of the block the file is there, whole and on disk.

    When the block fails, or the command is ended with a signal, there is no file, or the one from before.

    Args:
        path: where the file goes; None for standard output, which gets each piece at once.
        mode: permissions of a new file, less the umask.
        force: replace a file that is there.

    Raises:
        OutputExistsError, OutputFileError
    """
    if path is None:
        _widen(1)
        yield lambda data: _write(1, data)
        return
    if _is_special(path, force=force):
        with _opened(path, os.O_WRONLY, 0) as fd:
            yield _to_file(fd)
        return
    # A link stays: what it leads to is replaced.
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        with _ended_by_signals(), _opened(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode) as fd:
            yield _to_file(fd)
            _publish(fd, beside, target, force=force)
    finally:
        # Gone after a rename.
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def refuse_terminal(path: Path | None, *, meant: bool) -> None:
    """Refuse to print a file that may hold anything to a terminal.

    Raises:
        TerminalOutputError
    """
    if path is None and not meant and sys.stdout.isatty():
        raise TerminalOutputError


def _is_special(path: Path, *, force: bool) -> bool:
    """Tell a device or a pipe, which is written to, from a place for a file."""
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _failed(error) from None
    if stat.S_ISCHR(kind) or stat.S_ISFIFO(kind):
        return True
    if not stat.S_ISREG(kind):
        raise OutputFileError("The output cannot be written: at its place is something that is not a file.")
    if not force:
        raise OutputExistsError
    return False


@contextmanager
def _opened(path: Path, flags: int, mode: int) -> Iterator[int]:
    try:
        fd = os.open(path, flags | os.O_CLOEXEC, mode)
    except OSError as error:
        raise _failed(error) from None
    try:
        yield fd
    finally:
        os.close(fd)


def _publish(fd: int, beside: Path, target: Path, *, force: bool) -> None:
    try:
        os.fsync(fd)
        if force:
            beside.replace(target)
        else:
            _link(beside, target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        raise OutputExistsError from None
    except OSError as error:
        raise _failed(error) from None


def _link(beside: Path, target: Path) -> None:
    """Give the file its name, unless somebody else has taken it meanwhile."""
    try:
        os.link(beside, target)
    except FileExistsError:
        raise
    except OSError:
        # File systems without hard links cannot do it in one step.
        if target.exists():
            raise FileExistsError from None
        beside.replace(target)


def _to_file(fd: int) -> Callable[[memoryview], None]:
    def write(data: memoryview) -> None:
        try:
            _write(fd, data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _failed(error) from None

    return write


def _widen(fd: int) -> None:
    """Let a pipe hold as much as one read takes: both ends wait for each other less often."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        # No pipe, or the user's share of such memory is used up: it works with what there is.
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, READ_BYTES)


def _write(fd: int, data: memoryview) -> None:
    while len(data):
        data = data[os.write(fd, data) :]


def _failed(error: OSError) -> OutputFileError:
    words = {
        errno.ENOENT: "its directory does not exist",
        errno.ENOTDIR: "its directory does not exist",
        errno.EACCES: "you may not write there",
        errno.EPERM: "you may not write there",
        errno.EROFS: "you may not write there",
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "your share of the disk is full",
        errno.EFBIG: "it is larger than a file may be",
        errno.ENAMETOOLONG: "its name is too long",
    }
    return OutputFileError(f"The output cannot be written: {words.get(error.errno or 0, 'writing it failed')}.")


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Make signals that end a program undo what it began, as Ctrl-C does."""

    def end(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
