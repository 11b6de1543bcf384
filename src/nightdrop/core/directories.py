"""Opening directories step by step, so that no symbolic link leads anywhere else."""

import errno
import os
import stat

_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_below(folder: int, name: str) -> int:
    """Return a descriptor (O_PATH) of the directory ``name`` in ``folder``, also a descriptor.

    Raises:
        OSError: there is none; ELOOP when it is a symbolic link.
    """
    try:
        return os.open(name, _FLAGS, dir_fd=folder)
    except NotADirectoryError:
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
        raise


def open_directory(path: str) -> int:
    """Return a descriptor (O_PATH) of the directory at the absolute ``path``, no part of which may be a link.

    Raises:
        OSError: there is none; ELOOP when a part of it is a symbolic link.
    """
    fd = os.open("/", _FLAGS)
    for name in path.split("/"):
        if not name:
            continue
        try:
            below = open_below(fd, name)
        finally:
            os.close(fd)
        fd = below
    return fd
