"""The admin socket: only the user who owns the home, and root, may speak there."""

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

_UCRED = struct.Struct("3i")
_BACKLOG = 128


def bind_admin_socket(path: Path) -> socket.socket:
    """Listen at ``path``; a socket that a dead process left there is replaced.

    The caller must hold the home's lock for the web process: a live socket would be replaced just the same.

    Raises:
        OSError: it cannot be made there.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        # Linux gives the file the mode of the unbound socket, so it never exists with a wider one.
        os.fchmod(sock.fileno(), 0o600)
        # A socket address holds 107 bytes (unix(7)); through the directory's descriptor any depth works.
        directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with suppress(FileNotFoundError):
                path.unlink()
            sock.bind(f"/proc/self/fd/{directory}/{path.name}")
        finally:
            os.close(directory)
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def peer_uid(sock: socket.socket) -> int:
    """Return the user at the other end, as the kernel noted it when they connected (SO_PEERCRED, unix(7))."""
    _pid, uid, _gid = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(uid)


def may_administer(uid: int) -> bool:
    """Tell whether ``uid`` may use the admin socket of this process."""
    return uid in {0, os.geteuid()}
