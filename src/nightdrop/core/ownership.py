"""Gives a file to another account of this host."""

import os
import pwd
import stat

from nightdrop.core.errors import InvalidError


class GivingRefusedError(InvalidError):
    """The file cannot be given to this account."""

    code = "giving_refused"


def give_away(file: int, account: str) -> None:
    """Make ``account`` the owner of an open file, and its group that of the file.

    Only what is ours and has one name is given: nobody gets a file that somebody else linked in.

    Raises:
        GivingRefusedError: the message says why.
    """
    try:
        owner = pwd.getpwnam(account)
    except (KeyError, ValueError, OSError):
        raise GivingRefusedError("there is no such account") from None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_nlink != 1:
            raise GivingRefusedError("this is no file of the worker's own")
        os.fchown(file, owner.pw_uid, owner.pw_gid)
    except OSError:
        raise GivingRefusedError("only a worker that runs as root may give files away") from None
