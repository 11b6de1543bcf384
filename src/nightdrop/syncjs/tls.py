"""TLS towards servers that scripts talk to: always verified, and ready before the process is confined."""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

from nightdrop.core.errors import UnavailableError

# Where distributions keep their bundle, as one file: Debian, Fedora, openSUSE, Alpine.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class TrustStoreMissingError(UnavailableError):
    """There are no certificate authorities to verify servers with."""

    code = "trust_store_missing"
    hint = "Install the package ca-certificates, or point SSL_CERT_FILE to a bundle."


def client_context() -> ssl.SSLContext:
    """Return a context that verifies chain and host name, with all authorities in memory; TLS 1.2 and newer.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` replace the system's authorities, as with OpenSSL.

    Raises:
        TrustStoreMissingError: there are none, or they cannot be read.
    """
    # Not ssl.create_default_context: it looks certificates up in a directory at handshake time, when a confined
    # process cannot open it any more, and it obeys SSLKEYLOGFILE, which would write session keys to a file.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Python sets it with OpenSSL 3: a connection that somebody cut would look like one that ended.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    try:
        for bundle in _bundles():
            context.load_verify_locations(cafile=bundle)
    except (OSError, ssl.SSLError):
        raise TrustStoreMissingError from None
    if not context.cert_store_stats()["x509_ca"]:
        raise TrustStoreMissingError
    return context


def _bundles() -> Iterator[str]:
    file, directory = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if not file and not directory:
        yield from [bundle for bundle in _BUNDLES if Path(bundle).is_file()][:1]
    if file:
        yield file
    for part in (directory or "").split(os.pathsep) if directory else ():
        yield from (str(path) for path in sorted(Path(part).iterdir()) if path.suffix in (".pem", ".crt"))
