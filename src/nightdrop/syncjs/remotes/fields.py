"""The fields of the five clients and their options, declared once; documentation and checks are made from it."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from nightdrop.syncjs.model import Origin

Value = str | int | float | bool

_DOC, _READING, _OURS = Origin.SYNCJS, Origin.READING, Origin.OURS


@dataclass(frozen=True, slots=True)
class Field:
    """One field; ``default`` also says its type, ``secret`` that its value is a credential."""

    name: str
    default: Value
    doc: str
    origin: Origin
    secret: bool = False

    @property
    def type(self) -> str:
        """The type in TypeScript."""
        if isinstance(self.default, bool):
            return "boolean"
        return "string" if isinstance(self.default, str) else "number"

    def accepts(self, value: object) -> bool:
        if isinstance(self.default, bool) or isinstance(value, bool):
            return isinstance(value, bool) and isinstance(self.default, bool)
        if isinstance(self.default, str):
            return isinstance(value, str)
        return isinstance(value, int | float)


@dataclass(frozen=True, slots=True)
class Client:
    """One client object of the script API."""

    kind: str
    name: str
    doc: str
    fields: tuple[Field, ...]

    def defaults(self) -> dict[str, Value]:
        return {field.name: field.default for field in self.fields}


def _credential(
    name: str, doc: str, origin: Origin, *, asked: str = "", asked_origin: Origin = _DOC
) -> tuple[Field, Field]:
    """Return a field that holds a credential, and the one that names the secret to take it from."""
    named = asked or f"{name}FromSecret"
    return (
        Field(name, "", doc, origin, secret=True),
        Field(named, "", f"Name of the secret that `{name}` is taken from.", asked_origin),
    )


_PAYLOAD = Field(
    "PayloadFromSecret", "", "Name of a secret with a payload as `Configure` takes it, applied at `Connect`.", _OURS
)
_METADATA = Field(
    "UseMetadataWhenListing", False, "Reads real file times when listing an object store, which is slower.", _DOC
)

CLIENTS: Mapping[str, Client] = {
    client.kind: client
    for client in (
        Client(
            "sftp",
            "SftpClient",
            "A client for SFTP servers.",
            (
                Field("Host", "", "`host` or `host:port`; the port is 22 unless given.", _DOC),
                Field("User", "", "The account on the server.", _DOC),
                *_credential("Pass", "Its password; tried when there is no key, or the key is refused.", _DOC),
                Field("KeyFile", "", "Path of a private key: OpenSSH, PEM or PuTTY.", _DOC),
                *_credential("KeyText", "A private key as text.", _OURS, asked="KeyFileSecret"),
                *_credential("KeyFilePass", "The passphrase of the private key.", _DOC, asked_origin=_OURS),
                Field("HostID", "", "A label for the server in log messages.", _DOC),
                Field("HostKeyMD5", "", "MD5 fingerprint of the server's key, 32 hex digits, colons optional.", _DOC),
                Field("HostKeySHA1", "", "SHA-1 fingerprint of the server's key, `SHA1:` and base64.", _DOC),
                Field(
                    "HostKeySHA256",
                    "",
                    "SHA-256 fingerprint, as `ssh-keygen -l` prints it. One of them is needed.",
                    _DOC,
                ),
                _PAYLOAD,
            ),
        ),
        Client(
            "ftps",
            "FtpsClient",
            "A client for FTP servers, plain or with TLS.",
            (
                Field("Host", "", "`host` or `host:port`; the port is 21 unless given, 990 with implicit TLS.", _DOC),
                Field("User", "anonymous", "The account on the server.", _DOC),
                *_credential("Pass", "Its password.", _DOC, asked_origin=_OURS),
                Field(
                    "TLSMode",
                    1,
                    "One of the `TLS_MODE_` constants; `TLS_MODE_EXPLICIT` unless set.",
                    _READING,
                ),
                Field("TLSInsecure", False, "Accepts any certificate; for self-signed ones only.", _DOC),
                Field("HostID", "", "A label for the server in log messages.", _OURS),
                _PAYLOAD,
            ),
        ),
        Client(
            "s3",
            "S3Client",
            "A client for Amazon S3 and compatible object stores.",
            (
                Field("Region", "us-east-1", "The region.", _DOC),
                Field("Bucket", "", "The bucket.", _DOC),
                Field("APIKeyID", "", "The access key's id.", _DOC),
                *_credential("APIKeySecret", "The access key's secret.", _DOC),
                *_credential("SessionToken", "The token of temporary credentials.", _OURS, asked_origin=_OURS),
                Field("Endpoint", "", "Address of another server than Amazon's, `https://host:port`.", _OURS),
                Field("PathStyle", False, "Puts the bucket in the path instead of the host name.", _OURS),
                Field("HostID", "", "A label for the server in log messages.", _OURS),
                _METADATA,
                _PAYLOAD,
            ),
        ),
        Client(
            "azure",
            "AzureClient",
            "A client for Azure Blob Storage, and Azurite.",
            (
                Field("Container", "", "The container.", _DOC),
                Field("AccountName", "", "The storage account.", _DOC),
                *_credential("AccountKey", "The account's key.", _DOC),
                *_credential("SASToken", "A shared access signature instead of the key.", _OURS, asked_origin=_OURS),
                Field(
                    "Endpoint",
                    "",
                    "Address of another server than Azure's, for example Azurite.",
                    _OURS,
                ),
                Field("HostID", "", "A label for the server in log messages.", _OURS),
                _METADATA,
                _PAYLOAD,
            ),
        ),
        Client(
            "gcs",
            "GCSClient",
            "A client for Google Cloud Storage.",
            (
                Field("Bucket", "", "The bucket.", _DOC),
                Field("CredentialsFile", "", "Path of a service account's JSON file.", _DOC),
                *_credential("Credentials", "The content of that file.", _OURS, asked_origin=_OURS),
                Field(
                    "Endpoint",
                    "",
                    "Address of another server than Google's; an emulator may do without credentials.",
                    _OURS,
                ),
                Field("HostID", "", "A label for the server in log messages.", _OURS),
                _METADATA,
                _PAYLOAD,
            ),
        ),
    )
}

OPTIONS: tuple[Field, ...] = (
    Field("StopOnTransferError", False, "Ends a transfer of several files at the first failure.", _DOC),
    Field(
        "DownloadPolicy",
        0,
        "What to do when the local file exists: a transfer policy, `NeverOverwrite` unless set.",
        _DOC,
    ),
    Field(
        "UploadPolicy",
        0,
        "What to do when the remote file exists: a transfer policy, `NeverOverwrite` unless set.",
        _DOC,
    ),
    Field(
        "OnDownloadGrantTo",
        "",
        "Account of this machine that downloads are given to; the worker must run as root.",
        _DOC,
    ),
    Field("AdjustTimeOnDownload", True, "Gives the local file the remote file's time.", _DOC),
    Field("AdjustTimeOnUpload", True, "Gives the remote file the local file's time.", _DOC),
    Field("DownloadWithTempName", False, "Writes `NAME.tempfile` and renames it when it is complete.", _DOC),
    Field("UploadWithTempName", False, "The same on the remote side.", _DOC),
    Field("DeleteSourceAfterDownload", False, "Deletes the remote file when the local one is complete.", _DOC),
    Field("DeleteSourceAfterUpload", False, "Deletes the local file when the remote one is complete.", _DOC),
    Field("VersionedDownload", False, "Moves a local file to `.ver/` before it is overwritten.", _DOC),
    Field("VersionedUpload", False, "The same on the remote side.", _DOC),
    Field("VersionsToKeepLocal", 3, "How many such copies are kept of each local file.", _DOC),
    Field("VersionsToKeepRemote", 3, "How many such copies are kept of each remote file.", _DOC),
    Field("OTFE", False, "Encrypts uploads and decrypts downloads.", _DOC),
    Field("OTFEKey", "", "The key for that; an empty one is a failure.", _DOC, secret=True),
    Field("OTFEKeyFromSecret", "", "Name of the secret that `OTFEKey` is taken from.", _DOC),
    Field("OTFESuffix", "", "Added to the names of encrypted files on the remote side.", _OURS),
    Field("ConnectTimeout", 30, "Seconds for connecting and logging in.", _READING),
    Field("Timeout", 60, "Seconds to wait for each answer of the server.", _OURS),
)


def secret_sources(fields: tuple[Field, ...]) -> dict[str, str]:
    """Return which field is taken from the secret that another one names: ``{"PassFromSecret": "Pass"}``."""
    pairs = {}
    for before, after in pairwise(fields):
        if before.secret and not after.secret:
            pairs[after.name] = before.name
    return pairs


def unknown(name: str, known: tuple[Field, ...]) -> str | None:
    """Return the name that was probably meant by ``name``, ``None`` when nothing is near."""
    by_case = {field.name.lower(): field.name for field in known}
    near = difflib.get_close_matches(name.lower(), by_case, n=1, cutoff=0.6)
    return by_case[near[0]] if near else None


def accept(given: Mapping[str, object], known: tuple[Field, ...], warn: Callable[[str], None]) -> dict[str, Value]:
    """Return the values of all ``known`` fields: those given, else the defaults.

    ``warn`` gets a sentence for each unknown name and each value of a wrong type; it never holds a value.
    """
    values: dict[str, Value] = {field.name: field.default for field in known}
    types = {field.name: field for field in known}
    for name, value in given.items():
        if name not in types:
            near = unknown(name, known)
            warn(f"there is no field {name[:60]!r}" + (f"; did you mean {near}?" if near else ""))
        elif value is None:
            continue
        elif not types[name].accepts(value):
            warn(f"{name} must be a {types[name].type}; its default is used")
        else:
            values[name] = value  # type: ignore[assignment] # accepts() has looked
    return values
