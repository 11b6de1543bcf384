"""``nightdrop site``."""

import click

from nightdrop.cli.client import part
from nightdrop.cli.context import Context, common, when
from nightdrop.core.errors import InvalidError


class SettingFormError(InvalidError):
    """A setting is written KEY=VALUE."""

    code = "setting_form"
    hint = "For example: nightdrop site set default egress_allow=127.0.0.1,10.0.0.0/8"


@click.group("site")
def site_command() -> None:
    """Virtual sites and their settings."""


@site_command.command("ls")
@common
def list_sites(context: Context) -> None:
    """List the sites."""
    with context.client() as client:
        rows = [{**site, "created": when(site["created_ms"])} for site in client.get("/sites")["items"]]
    context.table(rows, [("name", "NAME"), ("id", "ID"), ("created", "CREATED")], "There is no site.")


@site_command.command("add")
@click.argument("name")
@common
def add_site(context: Context, name: str) -> None:
    """Make a site; its key is made by the keeper."""
    with context.client() as client:
        site = client.call("POST", "/sites", body={"name": name})
    context.show(site, f"Site {site['name']} is ready.")


@site_command.command("show")
@click.argument("name")
@common
def show_site(context: Context, name: str) -> None:
    """Show a site's settings."""
    with context.client() as client:
        site = client.get(f"/sites/{part(name)}")
    lines = [f"name          {site['name']}", f"id            {site['id']}"]
    for key, value in site["settings"].items():
        shown = ", ".join(value) if isinstance(value, list) else value
        lines.append(f"{key:<13} {shown if shown != '' else '-'}")
    context.show(site, "\n".join(lines))


@site_command.command("set")
@click.argument("name")
@click.argument("settings", nargs=-1, required=True, metavar="KEY=VALUE...")
@common
def set_site(context: Context, name: str, settings: tuple[str, ...]) -> None:
    """Change settings: memory=128MiB cpu=60s wall=5m log=10MiB body=64MiB egress_allow=CIDR,HOST egress_deny=..."""
    changes = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise SettingFormError
        changes[key.strip()] = value.strip()
    with context.client() as client:
        site = client.call("PATCH", f"/sites/{part(name)}", body={"settings": changes})
    context.show(site, f"Site {site['name']}: {', '.join(changes)} set.")
