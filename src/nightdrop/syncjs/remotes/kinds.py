"""From the fields of a client object to its adapter."""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nightdrop.syncjs.remotes import hostkeys
from nightdrop.syncjs.remotes.fields import Value
from nightdrop.syncjs.remotes.local import LocalFileError, LocalFiles
from nightdrop.syncjs.remotes.port import Dial, Limits, Remote, RemoteError

_HOST = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<name>[^:\s/@\[\]]+)|(?P<bare>[0-9A-Fa-f:.]+:[0-9A-Fa-f:.]*))(?::(?P<port>\d{1,5}))?"
)
_MAX_KEY_BYTES = 64 * 1024

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What adapters are made with; ``context`` returns a TLS context that verifies, ``warn`` writes to the log."""

    dial: Dial
    files: LocalFiles
    limits: Limits
    context: Callable[[], ssl.SSLContext]
    warn: Callable[[str], None]


def split_host(text: str, port: int) -> tuple[str, int]:
    """Return host and port of ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address.

    Raises:
        RemoteError: it is none of these.
    """
    match = _HOST.fullmatch(text.strip())
    if not match:
        raise RemoteError("connect", "Host is not a host name with an optional port" if text else "Host is not set")
    given = int(match["port"]) if match["port"] else port
    if not 0 < given < 65536:
        raise RemoteError("connect", "the port in Host is not one")
    return match["v6"] or match["name"] or match["bare"], given


def label(kind: str, values: Values) -> str:
    """Return what a client is called in the log."""
    where = values.get("HostID") or values.get("Host") or values.get("Bucket") or values.get("Container") or ""
    return f"{kind} {where}".strip()


def _sftp(values: Values, around: Surroundings) -> Remote:
    from nightdrop.syncjs.remotes import keyfiles, sftp

    host, port = split_host(str(values["Host"]), 22)
    expected = hostkeys.parse(str(values["HostKeyMD5"]), str(values["HostKeySHA1"]), str(values["HostKeySHA256"]))
    text = _key_text(values, around.files)
    key = keyfiles.load(text, str(values["KeyFilePass"])) if text else None
    if not key and not values["Pass"]:
        raise RemoteError("connect", "neither a key nor a password is set")
    login = sftp.SftpLogin(host, port, str(values["User"]), expected, str(values["Pass"]), key)
    return sftp.SftpRemote(login, around.dial, around.limits)


def _key_text(values: Values, files: LocalFiles) -> bytes:
    if values["KeyText"]:
        return str(values["KeyText"]).encode()
    return _small_file(values, "KeyFile", files) if values["KeyFile"] else b""


def _small_file(values: Values, name: str, files: LocalFiles) -> bytes:
    """Return the content of the file that a field names."""
    try:
        with files.open_read(str(values[name])) as file:
            return file.read(_MAX_KEY_BYTES + 1)
    except LocalFileError as exc:
        raise RemoteError("connect", f"{name}: {exc}") from None
    except OSError:
        raise RemoteError("connect", f"{name} cannot be read") from None


def _ftps(values: Values, around: Surroundings) -> Remote:
    from nightdrop.syncjs.remotes import ftps, ftpwire

    try:
        mode = ftpwire.TlsMode(int(values["TLSMode"]))
    except ValueError:
        raise RemoteError("connect", "TLSMode is none of the TLS_MODE_ constants") from None
    host, port = split_host(str(values["Host"]), 990 if mode is ftpwire.TlsMode.IMPLICIT else 21)
    context = _any_certificate if values["TLSInsecure"] else around.context
    login = ftps.FtpsLogin(host, port, str(values["User"]), mode, context, str(values["Pass"]))
    return ftps.FtpsRemote(login, around.dial, around.limits)


def _any_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _s3(values: Values, around: Surroundings) -> Remote:
    from nightdrop.syncjs.remotes import objects, s3, s3place

    place = s3place.find(
        str(values["Endpoint"]), str(values["Region"]), str(values["Bucket"]), in_path=bool(values["PathStyle"])
    )
    key = s3place.key(
        str(values["APIKeyID"]), str(values["Region"]), str(values["APIKeySecret"]), str(values["SessionToken"])
    )
    store = s3.S3Store(place, key, around.dial, around.limits, around.context)
    return objects.ObjectRemote(store, around.limits, around.warn, real_times=bool(values["UseMetadataWhenListing"]))


def _azure(values: Values, around: Surroundings) -> Remote:
    from nightdrop.syncjs.remotes import azure, azuresign, objects

    account, real_times = str(values["AccountName"]), bool(values["UseMetadataWhenListing"])
    key = azuresign.read_key(account, str(values["AccountKey"]), str(values["SASToken"]))
    place = azure.find(str(values["Endpoint"]), account, str(values["Container"]))
    store = azure.AzureStore(place, key, around.dial, around.limits, around.context, real_times=real_times)
    return objects.ObjectRemote(store, around.limits, around.warn, real_times=real_times)


def _gcs(values: Values, around: Surroundings) -> Remote:
    from nightdrop.syncjs.remotes import gcs, gcsauth, objects

    text = str(values["Credentials"])
    if not text and values["CredentialsFile"]:
        text = _small_file(values, "CredentialsFile", around.files).decode("utf-8", "replace")
    account = gcsauth.read_account(text) if text else None
    origin = gcs.find(str(values["Endpoint"]), signed=account is not None)
    store = gcs.GcsStore(origin, str(values["Bucket"]), account, around.dial, around.limits, around.context)
    return objects.ObjectRemote(store, around.limits, around.warn, real_times=True)


BUILDERS: Mapping[str, Callable[[Values, Surroundings], Remote]] = {
    "sftp": _sftp,
    "ftps": _ftps,
    "s3": _s3,
    "azure": _azure,
    "gcs": _gcs,
}


def build(kind: str, values: Values, around: Surroundings) -> Remote:
    """Return an adapter that is not connected yet.

    Raises:
        RemoteError: a field is missing or wrong.
    """
    if kind not in BUILDERS:
        raise RemoteError("connect", "this kind of client is not supported yet")
    return BUILDERS[kind](values, around)
