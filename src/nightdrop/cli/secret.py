"""``nightdrop secret``. A value is sealed here; the server never sees it."""

import base64
from pathlib import Path
from typing import Any

import click

from nightdrop.cli.client import Client
from nightdrop.cli.confirm import confirm_removal
from nightdrop.cli.context import Context, of_site, pages, when
from nightdrop.cli.errors import ApiError, script_lines
from nightdrop.cli.expiry import EXPIRY, expiry_body, has_expired
from nightdrop.cli.plain import plain
from nightdrop.cli.usage import TEXT, Group, NoValueCommand
from nightdrop.cli.value_input import read_value
from nightdrop.core.errors import NotFoundError
from nightdrop.core.redacted import RedactedBytes

_ATTEMPTS = 5
_RACES = frozenset({"revision_conflict", "secret_exists", "secret_not_found", "epoch_conflict"})
_COLUMNS = [
    ("name", "NAME"),
    ("description", "DESCRIPTION"),
    ("updated", "UPDATED"),
    ("used", "LAST USED"),
    ("expires", "EXPIRES"),
    ("state", "STATE"),
]
_EXPIRES_HELP = "When scripts stop getting it: a date, a time from now such as 90d or 12h, or never."


class SecretMissingError(NotFoundError):
    """There is no secret of this name."""

    code = "secret_not_found"
    hint = "Names are case-sensitive. See: nightdrop secret ls"


@click.group("secret", cls=Group)
def secret_command() -> None:
    """Store, list and remove secrets. No command shows a value."""


@secret_command.command("set", cls=NoValueCommand)
@click.argument("name", type=TEXT)
@click.option("--file", type=click.Path(path_type=Path), metavar="PATH", help="Take the value from a file, as it is.")
@click.option("--description", type=TEXT, help="What it is for. Not secret.")
@click.option("--expires", type=EXPIRY, metavar="WHEN", help=_EXPIRES_HELP)
@of_site
def set_secret(
    context: Context, name: str, file: Path | None, description: str | None, expires: str | int | None
) -> None:
    """Store a secret, or overwrite its value at once and for good.

    The value comes from a prompt, from standard input (one line break at its end is dropped) or from a file.
    """
    from nightdrop.crypto.value import check_value, refuse_placeholder
    from nightdrop.secrets.names import check_description, check_name

    check_name(name)
    check_description(description or "")
    details = _details(description, expires)
    with context.client() as client:
        # Before the value is asked for: nobody should type one for a site that is not there.
        client.get(context.site_path)
        value = read_value(name, file)
        try:
            check_value(value.reveal())
            refuse_placeholder(value.reveal())
            stored, created = _store(client, context, name, value, details)
        finally:
            value.wipe()
    context.show(stored, f"Secret {name} {'stored' if created else 'updated'}.")
    if has_expired(stored) and not context.as_json:
        click.echo("warning: It has expired, so scripts do not get it. See: nightdrop secret edit --help", err=True)


@secret_command.command("edit", cls=NoValueCommand)
@click.argument("name", type=TEXT)
@click.option("--description", type=TEXT, help="What it is for. Not secret.")
@click.option("--expires", type=EXPIRY, metavar="WHEN", help=_EXPIRES_HELP)
@of_site
def edit_secret(context: Context, name: str, description: str | None, expires: str | int | None) -> None:
    """Change description and expiry; the value is neither needed nor touched.

    A date without a time is its beginning; times are local unless they say otherwise.
    """
    details = _details(description, expires)
    if not details:
        raise click.UsageError("Give --description, --expires or both.", click.get_current_context())
    with context.client() as client:
        secret = _required(client, context, name)
        changed = client.call("PATCH", f"{context.site_path}/secrets/{secret['id']}", body=details)
    context.show(changed, f"Secret {name} changed.")


@secret_command.command("ls")
@click.option("--search", metavar="TEXT", help="Only names and descriptions that contain TEXT.")
@click.option("--sort", type=click.Choice(["name", "updated", "used"]), default="name", show_default=True)
@of_site
def list_secrets(context: Context, search: str | None, sort: str) -> None:
    """List names with what is known about them. Never a value."""
    order = sort if sort == "name" else f"-{sort}"
    with context.client() as client:
        path = f"{context.site_path}/secrets"
        found = pages(lambda cursor: client.get(path, q=search, sort=order, cursor=cursor, limit=500))
        rows = list(found)
    empty = "No secret matches." if search else "There is no secret yet. Add one with: nightdrop secret set NAME"
    columns = [column for column in _COLUMNS if column[0] != "expires" or any(row["expires_ms"] for row in rows)]
    context.table(rows, columns, empty, _shown)


@secret_command.command("rm")
@click.argument("name", type=TEXT)
@click.option("--yes", is_flag=True, help="Do not ask.")
@of_site
def remove_secret(context: Context, name: str, yes: bool) -> None:
    """Remove a secret for good. Scripts get "" from then on."""
    with context.client() as client:
        secret = _required(client, context, name)
        path = f"{context.site_path}/secrets/{secret['id']}"
        # Only what was shown is confirmed: a script that came in between is an error that names it.
        confirmed = yes or _shown_users(client, path, secret)
        if not yes:
            confirm_removal(f"Remove {name} for good?")
        client.call("DELETE", path, query={"confirm": name if confirmed else None})
    context.show({"name": name, "removed": True}, f"Secret {name} removed.")


def _shown_users(client: Client, path: str, secret: dict[str, Any]) -> bool:
    """Show who uses a secret; return whether somebody certainly does."""
    try:
        users = client.get(f"{path}/users")["items"]
    except ApiError as error:
        if error.given_code != "denied":
            raise
        # Who may not see scripts gets their number, as on the page.
        if secret["used_by"]:
            click.echo(f"Scripts that use it: {secret['used_by']}. You may not see which.", err=True)
        return bool(secret["used_by"])
    for line in script_lines(users):
        click.echo(plain(line), err=True)
    return any(user["certain"] for user in users)


def _store(
    client: Client, context: Context, name: str, value: RedactedBytes, details: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    from nightdrop.keys.pins import EpochRolledBackError

    for attempt in range(_ATTEMPTS):
        existing = _find(client, context, name)
        try:
            body = {**_sealed(client, context, name, value), **details}
            return _write(client, context, name, body, existing), existing is None
        except ApiError as error:
            # Somebody stored or removed the same name between our look and our write: look and seal again.
            if error.given_code not in _RACES or attempt == _ATTEMPTS - 1:
                raise
        except EpochRolledBackError:
            # Another command may have met the next key while this one had just been given the one before.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def _write(
    client: Client, context: Context, name: str, body: dict[str, Any], existing: dict[str, Any] | None
) -> dict[str, Any]:
    path = f"{context.site_path}/secrets"
    if existing is None:
        stored: dict[str, Any] = client.call("POST", path, body={"name": name, **body})
    else:
        stored = client.call("PUT", f"{path}/{existing['id']}/value", body=body)
    return stored


def _sealed(client: Client, context: Context, name: str, value: RedactedBytes) -> dict[str, Any]:
    from nightdrop.crypto.identity import fingerprint, verify_site_key
    from nightdrop.crypto.sealing import seal_secret
    from nightdrop.keys import pins

    key = client.get(f"{context.site_path}/sealing-key", name=name)
    identity = base64.b64decode(key["identity"])
    public_key = base64.b64decode(key["public_key"])
    pins.check(client.target, fingerprint(identity))
    verify_site_key(
        identity,
        base64.b64decode(key["signature"]),
        site_id=key["site_id"],
        epoch=key["epoch"],
        suite=key["suite"],
        public_key=public_key,
    )
    pins.check_epoch(client.target, key["site_id"], key["epoch"])
    sealed = seal_secret(
        public_key,
        site_id=key["site_id"],
        epoch=key["epoch"],
        name=name,
        revision=key["revision"],
        value=value.reveal(),
    )
    return {"sealed": base64.b64encode(sealed).decode(), "revision": key["revision"], "epoch": key["epoch"]}


def _find(client: Client, context: Context, name: str) -> dict[str, Any] | None:
    items = client.get(f"{context.site_path}/secrets", name=name)["items"]
    return items[0] if items else None


def _required(client: Client, context: Context, name: str) -> dict[str, Any]:
    secret = _find(client, context, name)
    if secret is None:
        # The name is not repeated: people paste values into the wrong place.
        raise SecretMissingError(f"There is no secret of this name in site {context.site}.")
    return secret


def _details(description: str | None, expires: str | int | None) -> dict[str, Any]:
    return ({} if description is None else {"description": description}) | expiry_body(expires)


def _shown(secret: dict[str, Any]) -> dict[str, Any]:
    health = secret["health"]
    state = health if health in {"ok", "unchecked"} else f"cannot be opened ({health}): set its value again"
    return {
        **secret,
        "updated": when(secret["updated_ms"]),
        "used": when(secret["last_used_ms"]),
        "expires": when(secret["expires_ms"]),
        "state": "expired: scripts do not get it" if has_expired(secret) and health in {"ok", "unchecked"} else state,
    }
