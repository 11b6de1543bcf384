"""``nightdrop login`` and ``nightdrop logout``: commands for a server on another host."""

import getpass
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from nightdrop.cli.context import Context, common, when
from nightdrop.cli.errors import ApiError
from nightdrop.cli.remote import Login, RemoteClient, check_url, forget_login, load_login, read_ca, save_login
from nightdrop.cli.usage import TEXT
from nightdrop.core.errors import DeniedError, InvalidError, NightdropError

# What a token cannot have; see access.permissions.
_NOT_FOR_TOKENS = frozenset({"settings:edit"})


class NoTerminalError(InvalidError):
    """There is no terminal to ask on."""

    code = "no_terminal"
    hint = "Make a token on the account page, and set NIGHTDROP_URL and NIGHTDROP_TOKEN."


class NothingGrantedError(DeniedError):
    """Your account has no permission that a token could have, or none that all these sites have in common."""

    code = "nothing_granted"
    hint = "Name a site with --site, or ask a super admin for permissions."


@click.command("login")
@click.argument("url", type=TEXT)
@click.option("--ca", type=click.Path(path_type=Path), metavar="FILE", help="Trust the certificates in FILE as well.")
@click.option("--site", "sites", type=TEXT, multiple=True, metavar="NAME", help="Only for this site. May be repeated.")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="When the login ends.")
@common
def login_command(context: Context, url: str, ca: Path | None, sites: tuple[str, ...], days: int) -> None:
    """Sign in at a server; commands speak with it from then on.

    Asks for name, password and, where it is on, the code of the second factor. What is kept is a token, in a file
    that only you can read. A home that you choose, with --home, NIGHTDROP_HOME or as ./var, comes before it.
    """
    address = check_url(url)
    trusted = read_ca(ca) if ca is not None else ""
    if not sys.stdin.isatty():
        raise NoTerminalError
    with RemoteClient(Login(address, "", ca=trusted)) as client:
        # Before the password is asked for: nobody should type one for a server that is not there.
        client.get("/session")
        _sign_in(client)
        try:
            made = _make_token(client, sites, days)
        finally:
            client.call("DELETE", "/session")
    save_login(Login(address, made["token"], made["id"], trusted))
    shown = {key: value for key, value in made.items() if key != "token"} | {"url": address}
    identity = _meet_keeper(Login(address, made["token"], ca=trusted))
    lines = [f"Signed in at {address} until {when(made['expires_ms'])}, as token {made['name']}."]
    lines += [f"It may: {' '.join(made['permissions'])}"]
    lines += [f"Keeper {identity}: compare it with what init printed there."] if identity else []
    context.show({**shown, "keeper": identity}, "\n".join(lines))


@click.command("logout")
@common
def logout_command(context: Context) -> None:
    """Revoke the token of `nightdrop login` and remove it from this host."""
    login = load_login()
    if login is None:
        context.show({"url": None}, "You are not signed in.")
        return
    try:
        with RemoteClient(login) as client:
            client.call("DELETE", f"/account/tokens/{login.token_id}")
    except NightdropError as error:
        # Gone from here all the same; a token that is refused has ended already.
        if not (isinstance(error, ApiError) and error.status == 401):
            click.echo(f"warning: The token could not be revoked: {error.message} Do it on the account page.", err=True)
    forget_login()
    context.show({"url": login.url}, f"Signed out at {login.url}.")


def _sign_in(client: RemoteClient) -> None:
    click.echo("Name: ", nl=False, err=True)
    name = sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    try:
        client.sign_in(name, password, {})
    except ApiError as error:
        if error.given_code != "totp_needed":
            raise
        code = getpass.getpass("Code of the authenticator app, or a recovery code: ").strip()
        is_totp = len(code) == 6 and code.isascii() and code.isdigit()
        client.sign_in(name, password, {"totp" if is_totp else "recovery_code": code})


def _make_token(client: RemoteClient, names: tuple[str, ...], days: int) -> dict[str, Any]:
    sites = client.get("/session")["sites"]
    chosen = [site for site in sites if site["permissions"] and (not names or site["name"] in names)]
    common_to_all = set.intersection(*(set(site["permissions"]) for site in chosen)) if chosen else set()
    permissions = [p for p in (chosen[0]["permissions"] if chosen else []) if p in common_to_all - _NOT_FOR_TOKENS]
    if not permissions or set(names) - {site["name"] for site in chosen}:
        raise NothingGrantedError
    now = datetime.now(UTC)
    body = {
        # With the time: each login has a token of its own.
        "name": f"nightdrop on {socket.gethostname()[:40]} {now:%Y-%m-%d %H:%M:%S.%f}",
        "sites": [site["id"] for site in chosen],
        "permissions": permissions,
        "expires_ms": int((now + timedelta(days=days)).timestamp() * 1000),
    }
    made: dict[str, Any] = client.call("POST", "/account/tokens", body=body)
    return made


def _meet_keeper(login: Login) -> str | None:
    """Remember the keeper's fingerprint at the first meeting, refuse another one at every later one."""
    from nightdrop.keys import pins

    with RemoteClient(login) as client:
        identity: str | None = client.get("/status")["worker"]["keeper"].get("identity")
        if identity is not None:
            pins.check(client.target, identity)
    return identity
