"""A server on another host: its address, the token for it, and HTTP or HTTPS to it."""

import http.client
import ipaddress
import json
import os
import ssl
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nightdrop.cli.client import TIMEOUT_S, Client
from nightdrop.cli.errors import ServerDownError
from nightdrop.core.errors import DeniedError, InvalidError, NightdropError, UnavailableError
from nightdrop.core.home import user_config_dir, write_private


class UrlInvalidError(InvalidError):
    """This is not the address of a server."""

    code = "url_invalid"
    hint = "Write it as https://HOST or https://HOST:PORT."


class UrlInsecureError(InvalidError):
    """Other hosts are spoken with over https only."""

    code = "url_insecure"
    hint = "Use https://, or an SSH tunnel and http://localhost:PORT."


class CertificateError(UnavailableError):
    """The server's certificate is not trusted."""

    code = "certificate_untrusted"
    hint = (
        "If the server made it for itself, get tls/self-signed.crt from its home over a way that you trust, and give"
        " it with --ca FILE or NIGHTDROP_CA."
    )


class CaFileError(InvalidError):
    """The file of certificates to trust cannot be read."""

    code = "ca_file"
    hint = "It holds one or more certificates in PEM."


class NotNightdropError(UnavailableError):
    """What answers at this address is not nightdrop."""

    code = "not_nightdrop"
    hint = "Check the address; a proxy must pass /api on."


class NoTokenError(DeniedError):
    """There is no token for this server."""

    code = "token_missing"
    hint = "Set NIGHTDROP_TOKEN, or sign in with: nightdrop login URL"


class LoginUnreadableError(UnavailableError):
    """The file of the login cannot be used."""

    code = "login_unreadable"


@dataclass(frozen=True, slots=True)
class Login:
    """A server that this user is signed in at; ``ca`` is PEM of what is trusted beside the system's authorities."""

    url: str
    token: str = field(repr=False)
    token_id: str = ""
    ca: str = ""


def login_file() -> Path:
    """Return where the login of this user is kept."""
    return user_config_dir() / "login.json"


def load_login() -> Login | None:
    """Return the saved login.

    Raises:
        LoginUnreadableError
    """
    path = login_file()
    try:
        return Login(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        raise LoginUnreadableError(f"The file {path} cannot be used.", hint="Remove it, and sign in again.") from None


def save_login(login: Login) -> None:
    """Keep a login, mode 0600, in place of the one before.

    Raises:
        LoginUnreadableError
    """
    path = login_file()
    new = path.with_suffix(".new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        write_private(new, json.dumps(asdict(login)).encode() + b"\n")
        new.replace(path)
    except OSError:
        raise LoginUnreadableError(f"The file {path} cannot be written.") from None


def forget_login() -> None:
    """Remove the saved login."""
    with suppress(FileNotFoundError):
        login_file().unlink()


def wanted_login(*, home_chosen: bool) -> Login | None:
    """Return the server that commands speak with, ``None`` for the one of the home on this host.

    ``NIGHTDROP_URL`` comes first; a saved login counts where no home was chosen.

    Raises:
        NoTokenError, CaFileError, LoginUnreadableError, UrlInvalidError, UrlInsecureError.
    """
    url = os.environ.get("NIGHTDROP_URL")
    if not url:
        return None if home_chosen else load_login()
    url, ca, token = check_url(url), os.environ.get("NIGHTDROP_CA"), os.environ.get("NIGHTDROP_TOKEN")
    if token:
        return Login(url, token, ca=read_ca(Path(ca)) if ca else "")
    saved = load_login()
    if saved is None or saved.url != url:
        raise NoTokenError
    return saved


def check_url(url: str) -> str:
    """Return an address in its one form, ``https://host:port``.

    Raises:
        UrlInvalidError, UrlInsecureError.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise UrlInvalidError from None
    # What belongs into no address might be a password.
    host = (parts.hostname or "").lower()
    if parts.scheme not in {"http", "https"} or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise UrlInvalidError
    if parts.username is not None or not host.isascii() or not host.isprintable() or " " in host:
        raise UrlInvalidError
    if parts.scheme == "http" and not _is_loopback(host):
        raise UrlInsecureError
    port = port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def read_ca(path: Path) -> str:
    """Return the certificates in a file.

    Raises:
        CaFileError
    """
    try:
        text = path.read_text("ascii")
        ssl.create_default_context(cadata=text)
    except (OSError, ValueError):
        raise CaFileError from None
    return text


class RemoteClient(Client):
    """Speaks to a server over TCP; never follows to another place, so the token goes nowhere else."""

    def __init__(self, login: Login) -> None:
        self._login = login
        parts = urlsplit(login.url)
        assert parts.hostname is not None
        if parts.scheme == "https":
            self._connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=TIMEOUT_S, context=_context(login.ca)
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self._headers = {"Authorization": f"Bearer {login.token}"} if login.token else {}

    @property
    def target(self) -> str:
        return f"url:{self._login.url}"

    def call(self, method: str, path: str, **options: Any) -> Any:
        try:
            return super().call(method, path, **options)
        except ValueError:
            raise NotNightdropError from None

    def sign_in(self, name: str, password: str, factor: dict[str, str]) -> None:
        """Start a session for the requests that follow.

        Raises:
            ApiError
        """
        same = {"Sec-Fetch-Site": "same-origin"}
        body = {"name": name, "password": password, **factor}
        self.call("POST", "/session", body=body, headers=same)
        self._headers = {**same, "Cookie": self._cookie}

    def _send(self, *request: Any) -> http.client.HTTPResponse:
        response = super()._send(*request)
        if 300 <= response.status < 400:
            raise NotNightdropError
        self._cookie = (response.getheader("Set-Cookie") or "").partition(";")[0]
        return response

    def _failed(self, error: Exception) -> NightdropError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return CertificateError()
        what = "did not answer in time" if isinstance(error, TimeoutError) else "cannot be reached"
        hint = "Check the address and your network. Is nightdrop running there?"
        return ServerDownError(f"The server at {self._login.url} {what}.", hint=hint)


def _context(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca:
        context.load_verify_locations(cadata=ca)
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
