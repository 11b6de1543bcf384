"""Why something could not be done with a file, in words that may stand in a log."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

_REASONS = {
    errno.ENOENT: "it does not exist",
    errno.ENOTDIR: "a part of its path is not a directory",
    errno.EISDIR: "it is a directory",
    errno.ELOOP: "a part of its path is a symbolic link, and these are not followed",
    errno.EACCES: "the permissions do not allow it",
    errno.EPERM: "the permissions do not allow it",
    errno.EEXIST: "it exists already",
    errno.ENOTEMPTY: "the directory is not empty",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EMFILE: "too many files are open",
}


class FileProblem(Exception):  # noqa: N818 - an expected outcome: it becomes a result, not an error of the script
    """What was asked of a file cannot be done.

    ``reason`` is a clause, ``about`` the name of what it is about when that is not the file that was asked for, and
    ``errno`` the kernel's answer, 0 for none.
    """

    def __init__(self, reason: str, errno: int = 0, about: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.errno = errno
        self.about = about


def reason_of(error: OSError) -> str:
    """Return what the kernel's answer means, in plain words."""
    number = error.errno or 0
    return _REASONS.get(number) or os.strerror(number)


@contextmanager
def explained() -> Iterator[None]:
    """Turn the kernel's answers into problems."""
    try:
        yield
    except OSError as error:
        raise FileProblem(reason_of(error), error.errno or 0) from None
