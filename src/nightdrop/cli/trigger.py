"""``nightdrop trigger``."""

from typing import Any

import click

from nightdrop.cli.client import Client
from nightdrop.cli.context import Context, of_site, pages, when
from nightdrop.cli.usage import PAIR, TEXT, Group, pairs
from nightdrop.core.errors import ConflictError, NotFoundError

KINDS = ("schedule", "webhook", "after", "folder", "notify")
_ADD_HELP = """\
Make a trigger of a script.

\b
schedule  cron=       minute hour day month weekday, or @daily and the like
          zone=       time zone, default UTC
          missed=     run (default) or skip: times that passed while the server was down
          overlap=    skip (default), queue or allow: when the run before has not ended
webhook   per_minute= requests in a minute, default 60
          max_body=   bytes, default 131072
          answer=     run (default): at once the run's id; script: what it gives Respond
          wait_s=     seconds to wait for that, default 30
          signed_by=  name of the secret with which requests are signed (HMAC-SHA-256)
          signature_header= where the signature is, default X-Hub-Signature-256
after     script=     the script that ends before
          on=         succeeded (default), failed or ended
folder    path=       directory as scripts name it: of the site's own, or of its paths
          pattern=    which file names, default *; recursive=yes: below it as well
          on=         created,changed (default), deleted: what has to happen to a file
          settle_s=   seconds for which a file has to stay as it is, default 2
          every_s=    seconds between two looks, default 2
          existing=   yes: take what is there when the trigger is made
notify    to=         mail addresses that are told when a run of the script has failed
          url=        or the address where a JSON object is posted
          url_secret= or the name of a secret that holds such an address
          every_minutes= no other notice for so long, default 15

\b
All: timeout_s=, concurrency_key=, retries= and backoff_s= (scripts marked idempotent only).
Examples:
  nightdrop trigger add schedule backup "cron=30 2 * * *" zone=Europe/Berlin
  nightdrop trigger add webhook deploy per_minute=10
  nightdrop trigger add after report script=backup
  nightdrop trigger add folder take path=incoming pattern=*.csv
  nightdrop trigger add notify backup to=me@example.com
"""


class TriggerMissingError(NotFoundError):
    """There is no trigger of this name or id."""

    code = "trigger_not_found"
    hint = "See: nightdrop trigger ls"


class TriggerAmbiguousError(ConflictError):
    """Several triggers have this name."""

    code = "trigger_ambiguous"
    hint = "Use its id: nightdrop trigger ls"


@click.group("trigger", cls=Group)
def trigger_command() -> None:
    """What starts runs by itself: schedules, webhooks, other scripts, files."""


@trigger_command.command("ls")
@click.option("--script", type=TEXT, help="Only those of this script.")
@of_site
def list_triggers(context: Context, script: str | None) -> None:
    """List the triggers."""
    with context.client() as client:
        rows = [row for row in _all(client, context) if script in (None, row["script_name"], row["script_id"])]
    columns = [
        ("id", "ID"),
        ("name", "NAME"),
        ("kind", "KIND"),
        ("script_name", "SCRIPT"),
        ("what", "WHAT"),
        ("next", "NEXT"),
        ("last", "LAST"),
        ("state", "STATE"),
    ]
    empty = "There is no trigger yet. Add one with: nightdrop trigger add KIND SCRIPT"
    context.table(rows, columns, empty, _shown)


@trigger_command.command("add", help=_ADD_HELP)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("script", type=TEXT)
@click.argument("settings", nargs=-1, type=PAIR, metavar="[KEY=VALUE]...")
@click.option("--name", type=TEXT, default="", help="What it is called.")
@click.option("--param", "params", multiple=True, type=PAIR, metavar="K=V", help="A parameter of each run.")
@click.option("--disabled", is_flag=True, help="Make it, but do not switch it on.")
@of_site
def add_trigger(
    context: Context,
    kind: str,
    script: str,
    settings: tuple[str, ...],
    name: str,
    params: tuple[str, ...],
    disabled: bool,
) -> None:
    wanted = {"kind": kind, "params": pairs(params, "--param"), **_settings(settings)}
    body = {"script": script, "settings": wanted, "name": name, "enabled": not disabled}
    with context.client() as client:
        made = client.call("POST", f"{context.site_path}/triggers", body=body)
    lines = [f"Trigger {made['id']} made."]
    if made["next_ms"] is not None:
        lines.append(f"Next: {when(made['next_ms'])}")
    if made["hook"] is not None:
        lines.append(f"Address (not shown again): {made['hook']} at the address of this server")
    context.show(made, "\n".join(lines))


@trigger_command.command("show")
@click.argument("trigger", type=TEXT)
@of_site
def show_trigger(context: Context, trigger: str) -> None:
    """Show a trigger with its settings."""
    with context.client() as client:
        found = _required(client, context, trigger)
    shown = _shown(found)
    fields = [(key, shown[key]) for key in ("id", "name", "kind", "script_name", "state", "next", "last")]
    fields += [(key, _text(value)) for key, value in found["settings"].items() if key != "kind"]
    width = max(len(key) for key, _ in fields)
    context.show(found, "\n".join(f"{key:<{width}} {value or '-'}" for key, value in fields))


@trigger_command.command("set")
@click.argument("trigger", type=TEXT)
@click.argument("settings", nargs=-1, required=True, type=PAIR, metavar="KEY=VALUE...")
@of_site
def set_trigger(context: Context, trigger: str, settings: tuple[str, ...]) -> None:
    """Change settings of a trigger; nothing after the = sets one back to its default. Also: name=TEXT."""
    changes: dict[str, Any] = {key: value or None for key, value in _settings(settings).items()}
    body: dict[str, Any] = {"name": changes.pop("name") or ""} if "name" in changes else {}
    _change(context, trigger, {**body, "settings": changes}, "changed")


@trigger_command.command("enable")
@click.argument("trigger", type=TEXT)
@of_site
def enable_trigger(context: Context, trigger: str) -> None:
    """Switch a trigger on."""
    _change(context, trigger, {"enabled": True}, "is on")


@trigger_command.command("disable")
@click.argument("trigger", type=TEXT)
@of_site
def disable_trigger(context: Context, trigger: str) -> None:
    """Switch a trigger off; it keeps its settings."""
    _change(context, trigger, {"enabled": False}, "is off")


@trigger_command.command("address")
@click.argument("trigger", type=TEXT)
@of_site
def renew_address(context: Context, trigger: str) -> None:
    """Give a webhook a new address; the old one is refused from now on."""
    with context.client() as client:
        found = _required(client, context, trigger)
        made = client.call("POST", f"{context.site_path}/triggers/{found['id']}/address")
    context.show(made, f"Address (not shown again): {made['hook']} at the address of this server")


@trigger_command.command("rm")
@click.argument("trigger", type=TEXT)
@of_site
def remove_trigger(context: Context, trigger: str) -> None:
    """Remove a trigger. Its runs stay in the history."""
    with context.client() as client:
        found = _required(client, context, trigger)
        client.call("DELETE", f"{context.site_path}/triggers/{found['id']}")
    context.show({"id": found["id"], "removed": True}, f"Trigger {found['id']} removed.")


def _change(context: Context, trigger: str, body: dict[str, Any], done: str) -> None:
    with context.client() as client:
        found = _required(client, context, trigger)
        changed = client.call("PATCH", f"{context.site_path}/triggers/{found['id']}", body=body)
    following = "" if changed["next_ms"] is None else f" Next: {when(changed['next_ms'])}"
    context.show(changed, f"Trigger {found['id']} {done}.{following}")


def _all(client: Client, context: Context) -> Any:
    path = f"{context.site_path}/triggers"
    return pages(lambda cursor: client.get(path, cursor=cursor, limit=500))


def _required(client: Client, context: Context, trigger: str) -> dict[str, Any]:
    found = [row for row in _all(client, context) if trigger in (row["id"], row["name"])]
    if not found:
        raise TriggerMissingError(f"There is no trigger {trigger!r} in site {context.site}.")
    if len(found) > 1:
        raise TriggerAmbiguousError
    return dict(found[0])


def _settings(given: tuple[str, ...]) -> dict[str, str]:
    return {key.strip(): value.strip() for key, value in pairs(given, "KEY=VALUE").items()}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "name": row["name"] or "-",
        "what": _what(row["settings"]),
        "next": "-" if row["next_ms"] is None else when(row["next_ms"]),
        "last": "never" if row["last_ms"] is None else when(row["last_ms"]),
        "state": row["problem"] or "ok" if row["enabled"] else "off",
    }


def _what(settings: dict[str, Any]) -> str:
    match settings["kind"]:
        case "schedule":
            return f"{settings['cron']} {settings['zone']}"
        case "webhook":
            return f"{settings['per_minute']} a minute"
        case "folder":
            return f"{settings['path']}/{settings['pattern']} {', '.join(settings['on'])}"
        case "notify":
            return settings["to"] or settings["url"] or f"secret {settings['url_secret']}"
        case _:
            return f"{settings['script']} {settings['on']}"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={part}" for key, part in value.items())
    return "-" if value is None else str(value)
