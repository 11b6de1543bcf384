"""Writing an answer to a file below the site's directory."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath


def write_file(root: Path, path: str, data: bytes | bytearray) -> None:
    """Write ``data`` to ``path`` below ``root``, whole or not at all; ``/`` at its start means ``root``.

    Directories must exist. Symbolic links are not followed, so no path leads out.

    Raises:
        ValueError: not a path below ``root``.
        OSError: it cannot be written.
    """
    *folders, name = _parts(path)
    with _directory(root, folders) as folder:
        temporary = f".{secrets.token_hex(8)}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(temporary, flags, 0o600, dir_fd=folder)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(temporary, dir_fd=folder)
            raise


def _parts(path: str) -> list[str]:
    parts = [part for part in PurePosixPath("/" + path).parts if part.strip("/")]
    if not parts or ".." in parts or "\x00" in path or path.endswith("/"):
        raise ValueError
    return parts


@contextmanager
def _directory(root: Path, folders: list[str]) -> Iterator[int]:
    flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(root, flags)
    try:
        for folder in folders:
            below = os.open(folder, flags, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)
