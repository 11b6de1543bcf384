"""What asyncssh raises, as our errors."""

import asyncssh

from nightdrop.syncjs.remotes.port import RemoteError, clean


class MissingError(RemoteError):
    """There is no such file or directory."""


class UnsupportedError(RemoteError):
    """The server does not know this request."""


_SENTENCES: tuple[tuple[type[BaseException], str], ...] = (
    (asyncssh.PermissionDenied, "the server accepts neither the key nor the password of this user"),
    (asyncssh.HostKeyNotVerifiable, "the host key cannot be verified"),
    (asyncssh.KeyExchangeFailed, "client and server have no common algorithms for the connection"),
    (asyncssh.ProtocolNotSupported, "the server is not an SSH server of version 2"),
    (asyncssh.ProtocolError, "the server broke the SSH protocol"),
    (asyncssh.ChannelOpenError, "the server offers no SFTP"),
    (asyncssh.SFTPPermissionDenied, "permission denied"),
    (asyncssh.SFTPFileAlreadyExists, "it exists already"),
    (asyncssh.SFTPBadMessage, "the server broke the SFTP protocol"),
    (asyncssh.SFTPNoSpaceOnFilesystem, "no space left"),
    (asyncssh.SFTPQuotaExceeded, "the quota is used up"),
)
_LOST = (
    asyncssh.ConnectionLost,
    asyncssh.DisconnectError,
    asyncssh.SFTPConnectionLost,
    asyncssh.SFTPNoConnection,
    asyncssh.ChannelOpenError,
    OSError,
)


def failure(step: str, exc: BaseException) -> RemoteError:
    """Return the error for an exception of asyncssh or of the socket."""
    if isinstance(exc, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath):
        return MissingError(step, "no such file or directory")
    if isinstance(exc, asyncssh.SFTPOpUnsupported):
        return UnsupportedError(step, "the server does not support this")
    for kind, sentence in _SENTENCES:
        if isinstance(exc, kind):
            return RemoteError(step, sentence, lost=isinstance(exc, _LOST))
    if isinstance(exc, _LOST):
        return RemoteError(step, "the connection was lost", lost=True)
    # An SFTP status: the server's own words.
    reason = clean(exc.reason) if isinstance(exc, asyncssh.SFTPError) else ""
    return RemoteError(step, reason or "the server refused")
