"""TLS: certificate and key from files, or a self-signed pair that this server makes for itself."""

import ipaddress
import socket
import ssl
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nightdrop.core.config import Config
from nightdrop.core.errors import InvalidError, UnavailableError
from nightdrop.core.home import Home, HomeReadOnlyError, write_private

_LIFETIME = timedelta(days=825)
# Made anew at a start in its last month; a server that runs longer is told of by ``nightdrop doctor``.
_RENEW = timedelta(days=30)
_EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not listened on


class TlsSettingsError(InvalidError):
    """`tls_cert` and `tls_key` go together, and not with `self_signed`."""

    code = "tls_settings"
    hint = "Give both files, or only self_signed = true."


class TlsFilesError(UnavailableError):
    """The certificate or its key cannot be used."""

    code = "tls_files"
    hint = "Both are PEM files that nightdrop can read; the key is not encrypted and belongs to the certificate."


class InsecureListenError(InvalidError):
    """Without TLS nightdrop listens on this host only."""

    code = "listen_insecure"
    hint = "Set tls_cert and tls_key, or self_signed = true; behind a proxy that ends TLS, behind_proxy = true."


class Tls:
    """The certificate that connections get; ``reload`` takes what the files hold by then."""

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self.context = _context(cert, key)
        self.names, self.fingerprint = _describe(cert)

    def reload(self) -> None:
        """Use the files' present content for new connections; when it is not valid, everything stays.

        Raises:
            TlsFilesError
        """
        _context(self._cert, self._key)
        _load(self.context, self._cert, self._key)
        self.names, self.fingerprint = _describe(self._cert)


def check_listen(config: Config) -> None:
    """Refuse to speak in the clear with other hosts.

    Raises:
        InsecureListenError, TlsSettingsError.
    """
    if bool(config.tls_cert) != bool(config.tls_key) or (config.tls_cert and config.self_signed):
        raise TlsSettingsError
    if not (config.uses_tls or config.behind_proxy or _is_loopback(config.address[0])):
        raise InsecureListenError(f"Without TLS nightdrop does not listen on {config.listen}.")


def tls_files(home: Home, config: Config) -> tuple[Path, Path] | None:
    """Return where certificate and key lie, ``None`` without TLS; relative paths begin at the home."""
    if config.self_signed:
        return home.root / "tls" / "self-signed.crt", home.root / "tls" / "self-signed.key"
    return (home.root / config.tls_cert, home.root / config.tls_key) if config.tls_cert else None


def prepare_self_signed(home: Home, config: Config) -> None:
    """Make the self-signed pair when there is none, when it ends soon, and when it lacks a name.

    Raises:
        HomeReadOnlyError
    """
    files = tls_files(home, config)
    if files is None or not config.self_signed:
        return
    cert, key = files
    names = _wanted_names(config)
    if _is_good(cert, key, names):
        return
    try:
        cert.parent.mkdir(mode=0o700, exist_ok=True)
        cert_pem, key_pem = make_self_signed(names)
        for path, content in ((key, key_pem), (cert, cert_pem)):
            path.unlink(missing_ok=True)
            write_private(path, content)
    except OSError:
        raise HomeReadOnlyError from None


def make_self_signed(names: Sequence[str], now: datetime | None = None) -> tuple[bytes, bytes]:
    """Return certificate and key in PEM, for host names and addresses."""
    now = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nightdrop")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        # Not an authority: whoever trusts it trusts this one server and nothing that its key could sign.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
    )
    cert = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return cert.public_bytes(Encoding.PEM), private


def _context(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load(context, cert, key)
    return context


def _load(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    try:
        # An encrypted key would ask at the terminal.
        context.load_cert_chain(cert, key, password=lambda: "")
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise TlsFilesError from None


def _describe(cert: Path) -> tuple[tuple[str, ...], str]:
    """Return the names in a certificate, and its fingerprint as browsers and openssl show it."""
    try:
        found = x509.load_pem_x509_certificate(cert.read_bytes())
        names = _names_of(found)
    except (OSError, ValueError):
        raise TlsFilesError from None
    return names, found.fingerprint(hashes.SHA256()).hex(":").upper()


def _names_of(cert: x509.Certificate) -> tuple[str, ...]:
    try:
        found = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*found.get_values_for_type(x509.DNSName), *map(str, addresses))


def _is_good(cert: Path, key: Path, names: Iterable[str]) -> bool:
    try:
        found = x509.load_pem_x509_certificate(cert.read_bytes())
        _context(cert, key)
        known = _names_of(found)
    except (OSError, ValueError, TlsFilesError):
        return False
    return found.not_valid_after_utc - datetime.now(UTC) > _RENEW and set(names) <= set(known)


def _wanted_names(config: Config) -> list[str]:
    host = config.address[0]
    names = {"localhost", "127.0.0.1", "::1", *(name.strip("[]").lower() for name in config.hosts)}
    names |= {socket.gethostname().lower()} if host in _EVERY_ADDRESS else {host.lower()}
    return sorted(name for name in names if name.isascii())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
