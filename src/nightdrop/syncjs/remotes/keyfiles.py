"""Private keys of SSH clients: OpenSSH, PEM (PKCS#1, PKCS#8, SEC1) and PuTTY files."""

import asyncssh

from nightdrop.syncjs.remotes import putty
from nightdrop.syncjs.remotes.port import RemoteError

_MAX_BYTES = 64 * 1024


def load(text: bytes, passphrase: str) -> asyncssh.SSHKey:
    """Return the private key in ``text``.

    Raises:
        RemoteError: it is none, or the passphrase does not open it.
    """
    if len(text) > _MAX_BYTES:
        raise RemoteError("connect", "the key file is too large to be a key")
    # Windows tools write line ends, and some a mark at the start, that key formats do not know.
    data = text.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").strip() + b"\n"
    plain = data.decode("utf-8", "replace")
    secret: str | None = passphrase or None
    if putty.is_putty(plain):
        try:
            data, secret = putty.to_openssh(plain, passphrase), None
        except putty.PuttyKeyError as exc:
            raise RemoteError("connect", str(exc)) from None
    try:
        return asyncssh.import_private_key(data, secret)
    except asyncssh.KeyEncryptionError:
        raise RemoteError("connect", "the passphrase of the key file is wrong") from None
    except (asyncssh.KeyImportError, ValueError):
        raise RemoteError("connect", _why(plain, passphrase)) from None


def _why(text: str, passphrase: str) -> str:
    if "PUBLIC KEY" in text or text.startswith(("ssh-", "ecdsa-")):
        return "the key file holds a public key; the private one is needed"
    if not passphrase:
        return "the key file is not a private key in a known form, or it needs a passphrase"
    return "the key file is not a private key in a known form, or its passphrase is wrong"
