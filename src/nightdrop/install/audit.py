"""``nightdrop audit``: reads both audit logs and their checkpoints where they lie. Changes nothing."""

import json
import os
import pwd
from pathlib import Path
from typing import Any

from sqlalchemy import select

from nightdrop.audit.checkpoints import forget_contradicted, keeper_log_name, kept_checkpoints
from nightdrop.audit.events import Event
from nightdrop.audit.keeper_chain import open_keeper_logs
from nightdrop.audit.log import record
from nightdrop.audit.verification import Finding, verify_logs
from nightdrop.core.caller import host_owner
from nightdrop.core.config import load_config
from nightdrop.core.errors import InvalidError, NotFoundError
from nightdrop.core.home import Home, open_home
from nightdrop.crypto.notes import MAX_NOTE
from nightdrop.db.engine import Database
from nightdrop.db.migrate import require_head
from nightdrop.db.tables import audit
from nightdrop.keys.keeper_config import keeper_database

_MAX_FILE = 1024 * 1024


class CheckpointMissingError(NotFoundError):
    """There is no signed checkpoint yet."""

    code = "checkpoint_missing"
    hint = "The worker has one made when it starts, and every minute: nightdrop up"


class CheckpointFileError(InvalidError):
    """The file with checkpoints cannot be used."""

    code = "checkpoint_file"
    hint = "Give a file with the output of: nightdrop audit checkpoint"


def newest_entries(root: Path, limit: int) -> list[dict[str, Any]]:
    """Return the newest entries of both logs, the oldest of them first.

    Raises:
        HomeMissingError, and errors of both databases.
    """
    home = open_home(root)
    wanted = select(audit.c.seq, audit.c.body).order_by(audit.c.seq.desc()).limit(limit)
    with _app_db(root) as db, db.read() as connection, open_keeper_logs(keeper_place(home)) as logs:
        rows = [("site", row.seq, bytes(row.body)) for row in connection.execute(wanted)]
        for chain in logs.chains():
            rows += [(keeper_log_name(chain), *entry) for entry in logs.log(chain).newest(limit)]
    entries = [{"log": log, "seq": seq, **json.loads(body)} for log, seq, body in rows]
    entries.sort(key=lambda entry: (entry["at_ms"], entry["log"], entry["seq"]))
    return entries[-limit:]


def verify_home(root: Path, identity: str | None, against: Path | None) -> list[Finding]:
    """Check both logs, also against the signed checkpoints in a file.

    Raises:
        CheckpointFileError: the file has no checkpoint, or cannot be read.
        What ``verify_logs`` raises.
    """
    home = open_home(root)
    exported = split_notes(_read(against)) if against is not None else []
    with _app_db(root) as db:
        return verify_logs(db, keeper_place(home), identity=identity, exported=exported)


def newest_checkpoints(root: Path) -> list[dict[str, Any]]:
    """Return the newest signed checkpoint of each log.

    Raises:
        CheckpointMissingError, and errors of app.db.
    """
    with _app_db(root) as db, db.read() as connection:
        kept = [each for each in kept_checkpoints(connection) if not each.contradicted]
    if not kept:
        raise CheckpointMissingError
    return [{"log": each.log, "size": each.size, "at_ms": each.at_ms, "note": each.note} for each in kept]


def accept_cuts(root: Path) -> list[str]:
    """Let go of the checkpoints that a log contradicted; return which logs these were.

    Raises:
        Errors of app.db.
    """
    with _app_db(root) as db, db.write() as connection:
        found = forget_contradicted(connection)
        if found:
            caller = host_owner(pwd.getpwuid(os.geteuid()).pw_name)
            record(connection, Event.AUDIT_CUT_ACCEPTED, caller, None, None, "ok", {"logs": found})
    return found


def split_notes(text: str) -> list[str]:
    """Return the signed notes of a text: each ends with the line of its signature.

    Raises:
        CheckpointFileError: there is none, or something else is there.
    """
    notes: list[str] = []
    lines: list[str] = []
    for line in text.splitlines():
        if not line and not lines:
            continue
        lines.append(line)
        if line.startswith("\N{EM DASH} "):
            notes.append("\n".join(lines) + "\n")
            lines = []
    if lines or not notes or any(len(note) > MAX_NOTE for note in notes):
        raise CheckpointFileError
    return notes


def keeper_place(home: Home) -> Path | str:
    """Return where the keeper's database is: a file, or a URL."""
    return keeper_database(home) or home.keeper_db


def _app_db(root: Path) -> Database:
    home = open_home(root)
    db = Database.open(load_config(home).database_url(home))
    try:
        require_head(db)
    except BaseException:
        db.close()
        raise
    return db


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_FILE).decode()
    except (OSError, UnicodeDecodeError):
        raise CheckpointFileError(f"{path} cannot be read.") from None
