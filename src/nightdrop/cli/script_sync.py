"""``nightdrop script pull DIR`` and ``nightdrop script push DIR``."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from nightdrop.cli.client import Client
from nightdrop.cli.context import Context, of_site, pages
from nightdrop.cli.plain import plain
from nightdrop.cli.script import script_command
from nightdrop.cli.script_folder import Entry, Folder, FolderConflictError, digest, file_of


@dataclass(slots=True)
class _Report:
    """What was done with each script."""

    done: list[dict[str, str]] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)

    def note(self, name: str, what: str) -> None:
        self.done.append({"script": name, "what": what})

    def show(self, context: Context, nothing: str) -> None:
        """Print what was done.

        Raises:
            FolderConflictError: something was left, as both sides have changed.
        """
        lines = [plain(f"{one['what']:<8} {one['script']}") for one in self.done]
        if self.done or not self.conflicts:
            context.show(self.done, "\n".join(lines) or nothing)
        if self.conflicts:
            names = ", ".join(self.conflicts)
            raise FolderConflictError(f"Changed here and on the server, so left as they are: {names}.")


@script_command.command("pull")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option("--force", is_flag=True, help="Let the server win where both have changed.")
@of_site
def pull_scripts(context: Context, folder: Path, force: bool) -> None:
    """Write every script of the site to a file in DIR, to keep them under version control.

    What was deleted on the server is deleted in DIR, unless it was changed there.
    nightdrop.json in DIR holds descriptions, and tells a later push what has changed.
    """
    local, report = Folder(folder), _Report()
    with context.client() as client:
        remote = dict(_remote(client, context))
    for name, script in remote.items():
        _pull_one(local, report, name, script, force=force)
    for name in sorted(local.entries.keys() - remote.keys()):
        _forget(local, report, name, force=force)
    local.save()
    report.show(context, "Nothing has changed.")


def push_folder(context: Context, folder: Path, *, force: bool, delete: bool) -> None:
    """Store every script file of a directory; see ``nightdrop script push``.

    Raises:
        FolderError, FolderConflictError.
    """
    local, report = Folder(folder), _Report()
    with context.client() as client:
        remote = dict(_remote(client, context))
        for name, file in local.strangers():
            local.entries[name] = Entry(file, remote.get(name, {}).get("description", ""), False, 0, "")
        try:
            for name in sorted(local.entries):
                _push_one(client, context, local, report, name, remote.get(name), force=force, delete=delete)
        finally:
            # What has arrived is known even when the rest has not.
            local.save()
    report.show(context, "Nothing has changed.")


def _remote(client: Client, context: Context) -> Iterator[tuple[str, dict[str, Any]]]:
    path = f"{context.site_path}/scripts"
    for script in list(pages(lambda cursor: client.get(path, cursor=cursor, limit=500))):
        yield script["name"], client.get(f"{path}/{script['id']}")


def _pull_one(local: Folder, report: _Report, name: str, script: dict[str, Any], *, force: bool) -> None:
    entry = local.entries.get(name) or Entry(file_of(name), "", False, 0, "")
    here = local.code(entry)
    changed_here = here is not None and digest(here) != entry.sha256 and here != script["code"]
    if changed_here and script["version"] == entry.version and not force:
        return
    if changed_here and not force:
        report.conflicts.append(name)
        return
    if here != script["code"]:
        local.write(entry, script["code"])
        report.note(name, "new" if here is None else "changed")
    local.entries[name] = _described(entry, script)


def _forget(local: Folder, report: _Report, name: str, *, force: bool) -> None:
    entry = local.entries[name]
    here = local.code(entry)
    if here is not None and digest(here) != entry.sha256 and not force:
        report.conflicts.append(name)
        return
    local.remove(entry)
    del local.entries[name]
    report.note(name, "deleted")


def _push_one(
    client: Client,
    context: Context,
    local: Folder,
    report: _Report,
    name: str,
    script: dict[str, Any] | None,
    *,
    force: bool,
    delete: bool,
) -> None:
    entry, path = local.entries[name], f"{context.site_path}/scripts"
    here = local.code(entry)
    if here is None:
        _gone(client, path, local, report, name, script, delete=delete)
        return
    if script is None:
        body = {"name": name, "code": here, "description": entry.description}
        stored = client.call("POST", path, body=body)
        report.note(name, "new")
    elif here == script["code"]:
        stored = script
    elif digest(here) == entry.sha256 and not force:
        # Only the server has changed it: that is for a pull.
        return
    elif script["version"] != entry.version and not force:
        report.conflicts.append(name)
        return
    else:
        stored = client.call("PUT", f"{path}/{script['id']}", body={"code": here})
        report.note(name, "changed")
    about = {"description": entry.description, "idempotent": entry.idempotent}
    if any(stored[key] != value for key, value in about.items()):
        stored = client.call("PATCH", f"{path}/{stored['id']}", body=about)
        if script is not None and here == script["code"]:
            report.note(name, "changed")
    local.entries[name] = _described(entry, {**stored, "code": here})


def _gone(
    client: Client,
    path: str,
    local: Folder,
    report: _Report,
    name: str,
    script: dict[str, Any] | None,
    *,
    delete: bool,
) -> None:
    if not delete:
        return
    if script is not None:
        client.call("DELETE", f"{path}/{script['id']}")
        report.note(name, "deleted")
    del local.entries[name]


def _described(entry: Entry, script: dict[str, Any]) -> Entry:
    sha256 = digest(script["code"])
    return Entry(entry.file, script["description"], bool(script["idempotent"]), script["version"], sha256)
