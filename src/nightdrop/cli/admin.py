"""``nightdrop admin``: accounts, from the server's host. Also the way back in after a lock-out."""

from typing import Any

import click

from nightdrop.cli.client import Client, part
from nightdrop.cli.context import Context, all_sites, common, of_site, pages, when
from nightdrop.cli.usage import TEXT, Group
from nightdrop.core.errors import InvalidError

_PERMISSIONS = """\b
secrets:view   names of secrets and what is known about them
secrets:edit   store, overwrite and delete secrets
scripts:view   read scripts
scripts:edit   change scripts: this reads every secret whose policy lets
               scripts read it
runs:view      see runs and their logs
runs:run       start and cancel runs
audit:view     read the site's audit log
settings:view  see the site's settings
settings:edit  change the site's settings
"""
# Kept apart from access.permissions: the command line does not import the server. A test compares them.
PERMISSIONS = tuple(line.split()[0] for line in _PERMISSIONS.splitlines() if ":" in line.split(" ")[0])


@click.group("admin", cls=Group)
def admin_command() -> None:
    """Accounts: who may sign in, and what each may do."""


@admin_command.command("ls")
@common
def list_admins(context: Context) -> None:
    """List the admins."""
    with context.client() as client:
        admins = list(pages(lambda cursor: client.get("/admins", cursor=cursor, limit=500)))
        names = _site_names(client)
    columns = [("name", "NAME"), ("state", "STATE"), ("super", "SUPER"), ("grants", "GRANTS"), ("created", "CREATED")]
    context.table(admins, columns, "There is no admin. See: nightdrop admin setup-link", lambda a: _shown(a, names))


@admin_command.command("add")
@click.argument("name", type=TEXT)
@click.option("--super", "is_super", is_flag=True, help="May make sites and admins.")
@common
def add_admin(context: Context, name: str, *, is_super: bool) -> None:
    """Make an account and print the link with which its owner chooses a password.

    It may do nothing before `nightdrop admin grant` gives it something.
    """
    with context.client() as client:
        made = client.call("POST", "/admins", body={"name": name, "super": is_super})
        _show_link(context, client, made, f"Admin {made['name']} is made.")


@admin_command.command("rm")
@click.argument("name", type=TEXT)
@common
def remove_admin(context: Context, name: str) -> None:
    """Remove an account with its sessions and tokens."""
    with context.client() as client:
        admin = _find(client, name)
        client.call("DELETE", f"/admins/{admin['id']}")
    context.show(admin, f"Admin {admin['name']} is removed.")


@admin_command.command("grant", epilog=_PERMISSIONS)
@click.argument("name", type=TEXT)
@click.argument("permissions", nargs=-1, required=True, type=TEXT, metavar="PERMISSION...")
@of_site
def grant(context: Context, name: str, permissions: tuple[str, ...]) -> None:
    """Give permissions in a site; `all` is every one."""
    with context.client() as client:
        changed, has = _regrant(context, client, name, lambda has: has | _wanted(permissions))
    context.show(changed, f"Admin {changed['name']} in {context.site}: {has}.")


@admin_command.command("revoke")
@click.argument("name", type=TEXT)
@click.argument("permissions", nargs=-1, required=True, type=TEXT, metavar="PERMISSION...")
@of_site
def revoke(context: Context, name: str, permissions: tuple[str, ...]) -> None:
    """Take permissions in a site away, at once; `all` is every one."""
    with context.client() as client:
        changed, has = _regrant(context, client, name, lambda has: has - _wanted(permissions))
    context.show(changed, f"Admin {changed['name']} in {context.site}: {has}.")


@admin_command.command("disable")
@click.argument("name", type=TEXT)
@common
def disable_admin(context: Context, name: str) -> None:
    """Lock an account: sessions end, tokens stop working."""
    _set_disabled(context, name, disabled=True)


@admin_command.command("enable")
@click.argument("name", type=TEXT)
@common
def enable_admin(context: Context, name: str) -> None:
    """Unlock an account; its tokens work again."""
    _set_disabled(context, name, disabled=False)


@admin_command.command("reset")
@click.argument("name", type=TEXT)
@common
def reset_admin(context: Context, name: str) -> None:
    """Let an admin in again who lost password, phone or passkey.

    Takes all of them and every session away, and prints a link with which the owner chooses a new password.
    """
    with context.client() as client:
        reset = client.call("POST", f"/admins/{_find(client, name)['id']}/reset")
        _show_link(context, client, reset, f"Admin {reset['name']} is signed out everywhere.")


@admin_command.command("setup-link")
@common
def setup_link(context: Context) -> None:
    """Print a new link that makes the first super admin; an earlier one stops working."""
    with context.client() as client:
        made = client.call("POST", "/setup/link")
        url = _url(client.get("/status")["url"], made["path"])
    context.show({**made, "url": url}, url)


def first_setup_link(client: Client, server: str) -> str | None:
    """Return a link that makes the first admin, ``None`` when there is one."""
    if not client.get("/session")["setup_needed"]:
        return None
    return _url(server, client.call("POST", "/setup/link")["path"])


def _regrant(context: Context, client: Client, name: str, change: Any) -> tuple[dict[str, Any], str]:
    admin, site = _find(client, name), client.get(context.site_path)
    grants = {**admin["grants"], site["id"]: sorted(change(set(admin["grants"].get(site["id"], []))))}
    changed: dict[str, Any] = client.call("PATCH", f"/admins/{admin['id']}", body={"grants": grants})
    return changed, ", ".join(changed["grants"].get(site["id"], [])) or "nothing"


def _wanted(permissions: tuple[str, ...]) -> set[str]:
    wanted = set(PERMISSIONS) if "all" in permissions else set(permissions)
    if not wanted <= set(PERMISSIONS):
        raise InvalidError("There is no such permission.", hint=f"The permissions are: {' '.join(PERMISSIONS)}, all.")
    return wanted


def _set_disabled(context: Context, name: str, *, disabled: bool) -> None:
    with context.client() as client:
        path = f"/admins/{_find(client, name)['id']}"
        changed = client.call("PATCH", path, body={"disabled": disabled})
    context.show(changed, f"Admin {changed['name']} is {'disabled' if disabled else 'enabled'}.")


def _find(client: Client, name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/admins/{part(name)}")
    return found


def _show_link(context: Context, client: Client, made: dict[str, Any], said: str) -> None:
    url = _url(client.get("/status")["url"], made["setup_link"]["path"])
    lines = [said, "", "Give its owner this link, in person or over a channel that you trust:", f"  {url}"]
    lines += ["", f"It works once, until {when(made['setup_link']['expires_ms'])}."]
    context.show({**made, "setup_url": url}, "\n".join(lines))


def _url(server: str, path: str) -> str:
    return f"{server}{path}"


def _site_names(client: Client) -> dict[str, str]:
    return {site["id"]: site["name"] for site in all_sites(client)}


def _shown(admin: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    state = "disabled" if admin["disabled"] else "ok" if admin["set_up"] else "not set up"
    grants = [
        f"{names.get(site, site)}: {'all' if set(given) == set(PERMISSIONS) else ' '.join(given)}"
        for site, given in admin["grants"].items()
    ]
    yes = "yes" if admin["super"] else "no"
    return {**admin, "state": state, "super": yes, "grants": grants or None, "created": when(admin["created_ms"])}
