"""Watched folders: what is in them becomes runs, each file once.

What was seen of a file is stored with the run that it makes, in one transaction: a worker that is killed between the
two has done neither. A file is taken when it has stayed as it is for the settle time, so not while it is written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, Row, bindparam, text

from nightdrop.access.settings import SiteSettings, parse_settings
from nightdrop.core.clock import Clock
from nightdrop.core.errors import NightdropError
from nightdrop.db.engine import Database
from nightdrop.runs.rows import for_update
from nightdrop.triggers.firing import Firing, fire, note_problem, record_firing, unended
from nightdrop.triggers.model import Trigger
from nightdrop.triggers.rows import SELECT, trigger_info
from nightdrop.triggers.settings import FolderSettings

MAX_QUEUED = 10_000
# Of one transaction.
_BATCH = 200
_BASE = ""
_ALL = text(
    f"{SELECT.replace(' FROM ', ', p.settings AS site_settings FROM ', 1)}"
    " JOIN sites p ON p.id = t.site_id WHERE t.kind = 'folder' AND t.enabled ORDER BY t.id"
)
_ONE = f"{SELECT} WHERE t.id = :id AND t.enabled AND t.kind = 'folder'"
_KNOWN = text("SELECT path, size, mtime_ns, since_ms, state FROM watched_files WHERE trigger_id = :id")
_SOME = text(
    "SELECT path, size, mtime_ns, since_ms, state FROM watched_files WHERE trigger_id = :id AND path IN :paths"
).bindparams(bindparam("paths", expanding=True))
_PUT = text(
    "INSERT INTO watched_files (trigger_id, path, size, mtime_ns, since_ms, state)"
    " VALUES (:id, :path, :size, :mtime_ns, :since_ms, :state)"
    " ON CONFLICT (trigger_id, path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,"
    " since_ms = excluded.since_ms, state = excluded.state"
)
_DROP = text("DELETE FROM watched_files WHERE trigger_id = :id AND path = :path")


class Stage(StrEnum):
    """Where a file stands: it settles (and is new or has changed), or all is done."""

    NEW = "new"
    CHANGED = "changed"
    DONE = "done"


class Stamp(NamedTuple):
    """What tells one state of a file from another; size in bytes."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a file; ``since_ms`` is when it was seen in this state first."""

    stamp: Stamp
    since_ms: int
    stage: Stage


@dataclass(frozen=True, slots=True)
class Watched:
    """A folder to look at: the trigger, and the settings of its site."""

    trigger: Trigger
    site: SiteSettings

    @property
    def settings(self) -> FolderSettings:
        assert isinstance(self.trigger.settings, FolderSettings)
        return self.trigger.settings


class Memory:
    """What this worker knows of a folder, so that a look at one that has not changed asks the database nothing."""

    def __init__(self, known: Mapping[str, Seen] | None) -> None:
        self.based = known is not None
        self.files = dict(known or {})

    def suspects(self, files: Mapping[str, Stamp], settle_ms: int, now_ms: int) -> list[str]:
        """Return the paths of which something is to be noted, in their order."""
        gone = self.files.keys() - files.keys()
        return sorted(gone | {path for path, stamp in files.items() if self._is_due(path, stamp, settle_ms, now_ms)})

    def _is_due(self, path: str, stamp: Stamp, settle_ms: int, now_ms: int) -> bool:
        seen = self.files.get(path)
        if seen is None or seen.stamp != stamp:
            return True
        return seen.stage is not Stage.DONE and now_ms - seen.since_ms >= settle_ms


class Folders:
    """The watched folders of all sites."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._one = text(_ONE + for_update(db, of="t", skip=True))

    def list(self) -> list[Watched]:
        """Return every folder that is to be watched; one whose settings cannot be read is left out."""
        with self._db.read() as conn:
            rows = conn.execute(_ALL).all()
        return [watched for row in rows if (watched := _watched(row)) is not None]

    def recall(self, trigger_id: str) -> Memory:
        """Return what was seen when somebody looked last."""
        with self._db.read() as conn:
            rows = conn.execute(_KNOWN, {"id": trigger_id}).all()
        known = {row.path: _seen(row) for row in rows}
        based = known.pop(_BASE, None) is not None
        return Memory(known if based else None)

    def note(self, trigger_id: str, memory: Memory, files: Mapping[str, Stamp]) -> int:
        """Note what is in a folder now; return how many runs were queued."""
        if not memory.based:
            return self._base(trigger_id, memory, files)
        fired = 0
        settings = self._settings(trigger_id)
        if settings is None:
            return 0
        suspects = memory.suspects(files, settings.settle_s * 1000, self._clock.now_ms())
        for start in range(0, len(suspects), _BATCH):
            count, full = self._note_some(trigger_id, memory, files, suspects[start : start + _BATCH])
            fired += count
            if full:
                break
        return fired

    def trouble(self, trigger_id: str, problem: str) -> None:
        """Show at a trigger why its folder cannot be watched."""
        with self._db.write() as conn:
            note_problem(conn, trigger_id, problem)

    def _settings(self, trigger_id: str) -> FolderSettings | None:
        with self._db.read() as conn:
            row = conn.execute(text(_ONE), {"id": trigger_id}).first()
        settings = trigger_info(row).settings if row is not None else None
        return settings if isinstance(settings, FolderSettings) else None

    def _base(self, trigger_id: str, memory: Memory, files: Mapping[str, Stamp]) -> int:
        """Take what is there when a folder is looked at first for known, unless the settings want it too."""
        with self._db.write() as conn:
            row = conn.execute(self._one, {"id": trigger_id}).first()
            if row is None:
                return 0
            trigger, now = trigger_info(row), self._clock.now_ms()
            memory.files = {path: Seen(stamp, now, _first_stage(trigger, stamp)) for path, stamp in files.items()}
            rows = [_row(trigger_id, path, seen) for path, seen in memory.files.items()]
            conn.execute(_PUT, [_row(trigger_id, _BASE, Seen(Stamp(0, 0), now, Stage.DONE)), *rows])
        memory.based = True
        return 0

    def _note_some(
        self, trigger_id: str, memory: Memory, files: Mapping[str, Stamp], paths: Sequence[str]
    ) -> tuple[int, bool]:
        """Note a few paths; return how many runs were queued, and whether too many wait."""
        fired: list[tuple[str, Mapping[str, object]]] = []
        changes: dict[str, Seen | None] = {}
        with self._db.write() as conn:
            row = conn.execute(self._one, {"id": trigger_id}).first()
            if row is None:
                return 0, True
            trigger = trigger_info(row)
            room = MAX_QUEUED - unended(conn, trigger)
            known = {one.path: _seen(one) for one in conn.execute(_SOME, {"id": trigger_id, "paths": list(paths)})}
            for path in paths:
                now = self._clock.now_ms()
                after, event = _next(trigger, known.get(path), files.get(path), now)
                if event is not None and len(fired) >= room:
                    note_problem(conn, trigger.id, f"Files wait: {MAX_QUEUED} runs of this trigger have not ended.")
                    break
                changes[path] = after
                if event is not None:
                    fired.append(fire(conn, trigger, _firing(trigger, path, files.get(path), event), now))
            _store(conn, trigger_id, changes)
            for run_id, detail in fired:
                record_firing(conn, trigger, run_id, detail)
        for path, seen in changes.items():
            if seen is None:
                memory.files.pop(path, None)
            else:
                memory.files[path] = seen
        return len(fired), len(changes) < len(paths)


def _first_stage(trigger: Trigger, stamp: Stamp) -> Stage:
    settings = trigger.settings
    assert isinstance(settings, FolderSettings)
    # What was written since the trigger was made, before anybody looked, was not there before.
    came_since = stamp.mtime_ns > trigger.updated_ms * 1_000_000
    return Stage.NEW if settings.existing or came_since else Stage.DONE


def _next(trigger: Trigger, before: Seen | None, stamp: Stamp | None, now: int) -> tuple[Seen | None, str | None]:
    """Return what is known of a file from now on, and what happened that somebody waits for."""
    settings = trigger.settings
    assert isinstance(settings, FolderSettings)
    if stamp is None:
        gone = before is not None and before.stage is Stage.DONE and "deleted" in settings.on
        return None, "deleted" if gone else None
    if before is None or before.stamp != stamp:
        new = before is None or before.stage is Stage.NEW
        seen = Seen(stamp, now, Stage.NEW if new else Stage.CHANGED)
    else:
        seen = before
    if seen.stage is Stage.DONE or now - seen.since_ms < settings.settle_s * 1000:
        return seen, None
    event = "created" if seen.stage is Stage.NEW else "changed"
    return Seen(stamp, seen.since_ms, Stage.DONE), event if event in settings.on else None


def _firing(trigger: Trigger, path: str, stamp: Stamp | None, event: str) -> Firing:
    settings = trigger.settings
    assert isinstance(settings, FolderSettings)
    where = f"{settings.path.rstrip('/')}/{path}" if settings.path not in ("", ".") else path
    size = None if stamp is None else stamp.size
    return Firing({"File": {"Path": where, "Name": path.rpartition("/")[2], "Size": size, "Event": event}})


def _store(conn: Connection, trigger_id: str, changes: Mapping[str, Seen | None]) -> None:
    if gone := [{"id": trigger_id, "path": path} for path, seen in changes.items() if seen is None]:
        conn.execute(_DROP, gone)
    if kept := [_row(trigger_id, path, seen) for path, seen in changes.items() if seen is not None]:
        conn.execute(_PUT, kept)


def _row(trigger_id: str, path: str, seen: Seen) -> dict[str, object]:
    values = {"id": trigger_id, "path": path, "since_ms": seen.since_ms, "state": seen.stage.value}
    return {**values, **seen.stamp._asdict()}


def _seen(row: Row[tuple[object, ...]]) -> Seen:
    return Seen(Stamp(row.size, row.mtime_ns), row.since_ms, Stage(row.state))


def _watched(row: Row[tuple[object, ...]]) -> Watched | None:
    try:
        return Watched(trigger_info(row), parse_settings(row.site_settings))
    except NightdropError:
        return None


def forget(conn: Connection, trigger_ids: Iterable[str]) -> None:
    """Begin anew with folders: what is there then counts as known."""
    statement = text("DELETE FROM watched_files WHERE trigger_id = :id")
    conn.execute(statement, [{"id": trigger_id} for trigger_id in trigger_ids])
