"""``nightdrop site``."""

from typing import Any

import click

from nightdrop.cli.client import Client
from nightdrop.cli.context import Context, all_sites, common, site_path, when
from nightdrop.cli.keeper import sites_shut
from nightdrop.cli.usage import PAIR, TEXT, Group, pairs

_MIB = 1024 * 1024
_SIZES = {"memory", "log", "body"}
_SET_HELP = """\
Change settings of a site; they hold for runs that start afterwards.

\b
memory        memory of one run: 16MiB to 16GiB, default 128MiB
cpu           processor time of one run: 1s to 24h, default 60s
wall          time from start to end: 1s to 168h, default 5m
log           size of one run's log: 1KiB to 1GiB, default 10MiB
body          largest HTTP response, or piece of a file: 1KiB to 64MiB, default 64MiB
egress_allow  addresses, networks and hosts that are open although special
egress_deny   addresses, networks and hosts that are closed
paths         directories of the host that scripts may use; :ro is read only
smtp_host     server that sends the mail of scripts
smtp_port     its port, default the usual one of smtp_tls: 587, 465 or 25
smtp_tls      starttls (default), implicit, or none: not encrypted
smtp_user     user to sign in as
smtp_password_secret
              name of the secret that holds the password
smtp_from     sender of mail for which a script names none
run_days      days for which ended runs are kept: 1 to 36500, default 90
run_count     how many runs are kept: 100 to 100000000, default 1000000

\b
Sizes: KiB, MiB, GiB. Times: s, m, h. Lists: commas between the entries.
Nothing after the = sets a setting back to its default. Examples:
  nightdrop site set default memory=256MiB wall=10m
  nightdrop site set default egress_allow=127.0.0.1,10.0.0.0/8
  nightdrop site set default paths=/srv/in:ro,/srv/out
"""


@click.group("site", cls=Group)
def site_command() -> None:
    """Virtual sites and their settings."""


@site_command.command("ls")
@common
def list_sites(context: Context) -> None:
    """List the sites, and say which cannot be opened and why."""
    with context.client() as client:
        sites = all_sites(client)
        shut = sites_shut(client, sites)
    rows = [{**site, "problem": shut.get(site["id"])} for site in sites]
    columns = [("name", "NAME"), ("id", "ID"), ("created", "CREATED"), ("state", "STATE")]
    context.table(rows, columns, "There is no site.", _shown)


@site_command.command("add")
@click.argument("name", type=TEXT)
@common
def add_site(context: Context, name: str) -> None:
    """Make a site; its key is made by the keeper."""
    with context.client() as client:
        site = client.call("POST", "/sites", body={"name": name})
        site["problem"] = None if site["ready"] else sites_shut(client, [site]).get(site["id"])
    if site["ready"]:
        context.show(site, f"Site {site['name']} is ready.")
        return
    context.show(site, f"Site {site['name']} is made. It can hold secrets as soon as the keeper has made its key.")
    if not context.as_json and site["problem"]:
        click.echo(f"warning: {site['problem']} See: nightdrop doctor", err=True)


@site_command.command("set", help=_SET_HELP)
@click.argument("name", type=TEXT)
@click.argument("settings", nargs=-1, required=True, type=PAIR, metavar="KEY=VALUE...")
@common
def set_site(context: Context, name: str, settings: tuple[str, ...]) -> None:
    changes = {key.strip(): value.strip() for key, value in pairs(settings, "KEY=VALUE").items()}
    with context.client() as client:
        site = client.call("PATCH", site_path(name), body={"settings": changes})
    context.show(site, f"Site {site['name']}: {', '.join(changes)} set.")


@site_command.command("show")
@click.argument("name", type=TEXT)
@common
def show_site(context: Context, name: str) -> None:
    """Show a site's settings, and whether it can be opened."""
    with context.client() as client:
        site = _with_problem(client, client.get(site_path(name)))
    shown = _shown(site)
    fields = [("name", site["name"]), ("id", site["id"]), ("created", shown["created"]), ("state", shown["state"])]
    fields += [(key, _setting(key, value)) for key, value in site["settings"].items()]
    width = max(len(key) for key, _ in fields)
    context.show(site, "\n".join(f"{key:<{width}} {value}" for key, value in fields))


def _with_problem(client: Client, site: dict[str, Any]) -> dict[str, Any]:
    return {**site, "problem": sites_shut(client, [site]).get(site["id"])}


def _shown(site: dict[str, Any]) -> dict[str, Any]:
    return {**site, "created": when(site["created_ms"]), "state": site["problem"] or "ok"}


def _setting(key: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if key in {"cpu", "wall"}:
        return f"{value} s"
    if key not in _SIZES:
        return str(value or "-")
    if value % _MIB == 0:
        return f"{value // _MIB} MiB"
    return f"{value // 1024} KiB" if value % 1024 == 0 else f"{value} bytes"
