"""``Configure(url, payloadJson)``: all fields and options of a client from one URL and one JSON object.

| client | URL |
|---|---|
| SftpClient | ``sftp://[user[:pass]@]host[:port]`` |
| FtpsClient | ``ftp://`` plain, ``ftpes://`` explicit TLS, ``ftps://`` implicit TLS, else as SFTP |
| S3Client | ``s3://[keyid[:secret]@]bucket`` |
| AzureClient | ``azure://[account[:key]@]container`` |
| GCSClient | ``gs://bucket`` or ``gcs://bucket`` |

Every field may stand in the query, its name in any case: ``?hostKeySHA256=...&keyFile=...``. Fields and options may
stand in the payload, options also in an object ``options`` there. What the payload says wins.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from nightdrop.syncjs.remotes.fields import OPTIONS, Client, Field, Value, unknown
from nightdrop.syncjs.remotes.port import RemoteError

_ALIASES: Mapping[str, Mapping[str, str]] = {
    "sftp": {
        "password": "Pass",
        "privatekey": "KeyText",
        "privatekeypass": "KeyFilePass",
        "privatekeypassphrase": "KeyFilePass",
        "privatekeypassword": "KeyFilePass",
        "privatekeyfile": "KeyFile",
        "username": "User",
    },
    "ftps": {"password": "Pass", "username": "User"},
    "s3": {"accesskeyid": "APIKeyID", "secretaccesskey": "APIKeySecret"},
    "azure": {},
    "gcs": {},
}
_SCHEMES: Mapping[str, tuple[str, ...]] = {
    "sftp": ("sftp",),
    "ftps": ("ftp", "ftpes", "ftps"),
    "s3": ("s3",),
    "azure": ("azure",),
    "gcs": ("gs", "gcs"),
}
# Where user, password and host of the URL go.
_PLACES: Mapping[str, tuple[str, str, str]] = {
    "sftp": ("User", "Pass", "Host"),
    "ftps": ("User", "Pass", "Host"),
    "s3": ("APIKeyID", "APIKeySecret", "Bucket"),
    "azure": ("AccountName", "AccountKey", "Container"),
    "gcs": ("", "", "Bucket"),
}
_TLS_MODES = {"ftp": 0, "ftpes": 1, "ftps": 2}
# Names that stand for numbers, in URLs and payloads.
_NAMED: Mapping[str, int] = {
    "neveroverwrite": 0,
    "alwaysoverwrite": 1,
    "overwriteifdiffsize": 2,
    "overwriteifnewer": 3,
    "tlsmodenone": 0,
    "tlsmodeexplicit": 1,
    "tlsmodeimplicit": 2,
    "none": 0,
    "explicit": 1,
    "implicit": 2,
}


@dataclass(slots=True)
class Configured:
    """What was given; ``warnings`` are sentences without values."""

    fields: dict[str, Value] = field(default_factory=dict, repr=False)
    options: dict[str, Value] = field(default_factory=dict, repr=False)
    warnings: list[str] = field(default_factory=list)


def configure(client: Client, url: str, payload: str = "") -> Configured:
    """Return what ``url`` and ``payload`` set.

    Raises:
        RemoteError: the URL or the payload is not one for this client. The reason holds nothing of either.
    """
    result = _read_url(client, url)
    if payload:
        more = read_payload(client, payload)
        result.fields |= more.fields
        result.options |= more.options
        result.warnings += more.warnings
    return result


def read_payload(client: Client, payload: str) -> Configured:
    """Return what a payload sets.

    Raises:
        RemoteError: it is not a JSON object.
    """
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        raise RemoteError("configure", "the payload is not JSON") from None
    if not isinstance(found, dict):
        raise RemoteError("configure", "the payload is not a JSON object")
    options = found.pop("options", found.pop("Options", {}))
    if not isinstance(options, dict):
        raise RemoteError("configure", "options in the payload is not an object")
    result = Configured()
    taken = _Taken(client, result)
    for name, value in found.items():
        taken.take(name, value, options_too=True)
    for name, value in options.items():
        taken.option(name, value)
    return result


def _read_url(client: Client, url: str) -> Configured:
    result = Configured()
    parts = _split(client, url)
    user, password, host = _PLACES[client.kind]
    result.fields[host] = _host(parts)
    for name, text in ((user, parts.username), (password, parts.password)):
        if name and text:
            result.fields[name] = unquote(text)
    if client.kind == "ftps":
        result.fields["TLSMode"] = _TLS_MODES[parts.scheme]
    if parts.path not in ("", "/") or parts.fragment:
        result.warnings.append("Configure: the URL's path is not used; give paths to the methods")
    taken = _Taken(client, result)
    for name, value in parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100):
        taken.take(name, value, options_too=True)
    return result


def _split(client: Client, url: str) -> SplitResult:
    expected = " or ".join(f"{scheme}://" for scheme in _SCHEMES[client.kind])
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        raise RemoteError("configure", f"this is not a URL; {client.name} takes {expected}") from None
    if parts.scheme.lower() not in _SCHEMES[client.kind]:
        raise RemoteError("configure", f"{client.name} takes a URL that begins with {expected}")
    if not parts.hostname:
        raise RemoteError("configure", "the URL names no host, bucket or container")
    return parts


def _host(parts: SplitResult) -> str:
    # Not parts.hostname, which is in lower case: bucket names may not be.
    text = parts.netloc.rpartition("@")[2]
    return unquote(text)


class _Taken:
    """Sorts names into fields and options."""

    def __init__(self, client: Client, result: Configured) -> None:
        self._client = client
        self._result = result
        self._fields = {_plain(each.name): each for each in client.fields}
        self._fields |= {
            alias: each for alias, name in _ALIASES[client.kind].items() for each in client.fields if each.name == name
        }
        self._options = {_plain(each.name): each for each in OPTIONS}

    def take(self, name: str, value: object, *, options_too: bool) -> None:
        plain = _plain(name)
        if plain in self._fields:
            self._put(self._fields[plain], value, self._result.fields)
        elif options_too and plain in self._options:
            self._put(self._options[plain], value, self._result.options)
        else:
            self._miss(name, (*self._client.fields, *OPTIONS))

    def option(self, name: str, value: object) -> None:
        plain = _plain(name)
        if plain in self._options:
            self._put(self._options[plain], value, self._result.options)
        else:
            self._miss(name, OPTIONS)

    def _put(self, known: Field, value: object, where: dict[str, Value]) -> None:
        converted = _convert(known, value)
        if converted is None:
            self._result.warnings.append(f"Configure: {known.name} must be a {known.type}; it is not set")
        else:
            where[known.name] = converted

    def _miss(self, name: str, known: tuple[Field, ...]) -> None:
        near = unknown(name.replace("_", ""), known)
        hint = f"; did you mean {near}?" if near else ""
        self._result.warnings.append(f"Configure: there is no field {name[:60]!r}{hint}")


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _convert(known: Field, value: object) -> Value | None:
    """Return ``value`` as the field's type; texts of a URL become numbers and truth values."""
    if known.accepts(value):
        return value  # type: ignore[return-value] # accepts() has looked
    if not isinstance(value, str):
        return None
    readers: Mapping[str, Callable[[str], Value | None]] = {"boolean": _truth, "number": _number}
    reader = readers.get(known.type)
    return reader(value.strip().lower()) if reader else None


def _truth(text: str) -> bool | None:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(text)


def _number(text: str) -> int | None:
    named = _NAMED.get(_plain(text))
    if named is not None:
        return named
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
