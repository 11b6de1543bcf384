"""Watched folders: each file once, when it has settled, whoever looks and however often."""

import json

import pytest
from sqlalchemy import text

from nightdrop.core.caller import SYSTEM
from nightdrop.runs.queue import RunQueue
from nightdrop.scripts.store import ScriptStore
from nightdrop.triggers import folders as module
from nightdrop.triggers.folders import Folders, Stamp
from nightdrop.triggers.settings import FolderSettings
from nightdrop.triggers.store import TriggerStore

SITE = "site_a"


@pytest.fixture
def store(db, clock):
    with db.write() as conn:
        conn.execute(text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), {"id": SITE})
    ScriptStore(db, clock).push(SYSTEM, SITE, "take", "Log(CtxRelPath())")
    return TriggerStore(db, clock)


class Look:
    """A worker that looks at a folder; what is in it is given."""

    def __init__(self, db, clock, trigger):
        self.db, self.clock, self.trigger = db, clock, trigger
        self.folders = Folders(db, clock)
        self.memory = self.folders.recall(trigger.id)

    def __call__(self, **files):
        shown = {name: Stamp(*stamp) if isinstance(stamp, tuple) else Stamp(stamp, 1) for name, stamp in files.items()}
        return self.folders.note(self.trigger.id, self.memory, shown)

    def later(self, seconds):
        self.clock.advance(seconds * 1000)
        return self


@pytest.fixture
def watch(db, clock, store):
    def make(**settings):
        settings = {"path": "in", "settle_s": 5, **settings}
        trigger, _ = store.create(SYSTEM, SITE, "take", FolderSettings(**settings))
        look = Look(db, clock, trigger)
        look()
        return look

    return make


def fired(db):
    with db.read() as conn:
        rows = conn.execute(text("SELECT params FROM runs ORDER BY id")).scalars().all()
    return [(file["Event"], file["Path"], file["Size"]) for file in (json.loads(row)["File"] for row in rows)]


def test_a_file_is_taken_once_it_has_settled(db, watch):
    look = watch()
    assert look(a=1) == 0
    assert look.later(4)(a=1) == 0
    # It is still being written.
    assert look.later(2)(a=2) == 0
    assert look.later(4)(a=(2, 9)) == 0
    assert look.later(4)(a=(2, 9)) == 0
    assert look.later(1)(a=(2, 9)) == 1
    assert look.later(100)(a=(2, 9)) == 0
    assert fired(db) == [("created", "in/a", 2)]


def test_what_changes_later_and_what_goes(db, watch):
    look = watch(on=("created", "changed", "deleted"), settle_s=0)
    assert look(a=1, b=1) == 2
    assert look(a=1, b=2) == 1
    assert look(b=2) == 1
    assert look() == 1
    assert fired(db) == [
        ("created", "in/a", 1),
        ("created", "in/b", 1),
        ("changed", "in/b", 2),
        ("deleted", "in/a", None),
        ("deleted", "in/b", None),
    ]


def test_what_came_between_the_trigger_and_the_first_look_is_new(db, clock, store):
    trigger, _ = store.create(SYSTEM, SITE, "take", FolderSettings(path="in", settle_s=5))
    look = Look(db, clock, trigger)
    made_ns = clock.now_ms() * 1_000_000
    files = {"old": (1, made_ns), "new": (1, made_ns + 1)}
    assert look.later(1)(**files) == 0
    assert look.later(4)(**files) == 0
    assert look.later(1)(**files) == 1
    assert fired(db) == [("created", "in/new", 1)]


def test_only_what_is_wanted(db, watch):
    look = watch(on=("changed",), settle_s=0)
    assert look(a=1) == 0
    assert look(a=2) == 1
    assert look() == 0
    assert look(a=2) == 0
    assert fired(db) == [("changed", "in/a", 2)]


def test_a_file_that_goes_before_it_has_settled_never_was(db, watch):
    look = watch(on=("created", "deleted"))
    assert look(a=1) == 0
    assert look.later(9)() == 0
    assert look(a=1) == 0
    assert look.later(9)(a=1) == 1
    assert fired(db) == [("created", "in/a", 1)]


def test_what_is_there_at_first_is_taken_only_when_asked_for(db, clock, store):
    for existing in (False, True):
        settings = FolderSettings(path="in", settle_s=0, existing=existing)
        trigger, _ = store.create(SYSTEM, SITE, "take", settings)
        look = Look(db, clock, trigger)
        look(old=1)
        assert look(old=1) == (1 if existing else 0)
        assert look(old=1, new=1) == 1


def test_whoever_looks_each_file_is_taken_once(db, clock, watch):
    one = watch(settle_s=0)
    other = Look(db, clock, one.trigger)
    assert one(a=1) + other(a=1) == 1
    # As after a kill: nothing is known but what is stored.
    assert Look(db, clock, one.trigger)(a=1, b=1) == 1
    assert one(a=1, b=1) + other(a=1, b=1) == 0
    assert [path for _, path, _ in fired(db)] == ["in/a", "in/b"]


def test_other_settings_begin_anew(db, clock, store, watch):
    look = watch(settle_s=0)
    look(a=1)
    store.change(SYSTEM, SITE, look.trigger.id, changes={"path": "elsewhere"})
    fresh = Look(db, clock, look.trigger)
    assert fresh(a=1, b=1) == 0
    assert fresh(a=1, b=1, c=1) == 1
    assert fired(db)[-1] == ("created", "elsewhere/c", 1)


def test_settings_that_leave_the_place_keep_what_waits(db, clock, store, watch):
    look = watch()
    look(a=1)
    store.change(SYSTEM, SITE, look.trigger.id, changes={"settle_s": 1, "params": {"x": 1}})
    fresh = Look(db, clock, look.trigger).later(2)
    assert fresh(a=1) == 1


def test_off_or_deleted_nothing_is_taken(db, clock, store, watch):
    look = watch(settle_s=0)
    store.change(SYSTEM, SITE, look.trigger.id, enabled=False)
    assert look(a=1) == 0
    assert look.folders.list() == []
    store.delete(SYSTEM, SITE, look.trigger.id)
    assert look(a=1) == 0
    with db.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM watched_files")).scalar() == 0


def test_more_than_may_wait_are_taken_when_there_is_room(db, clock, watch, monkeypatch):
    monkeypatch.setattr(module, "MAX_QUEUED", 3)
    monkeypatch.setattr(module, "_BATCH", 2)
    look = watch(settle_s=0)
    files = dict.fromkeys("abcde", 1)
    assert look(**files) == 3
    assert look(**files) == 0
    with db.read() as conn:
        problem = conn.execute(text("SELECT problem FROM triggers")).scalar()
    assert problem == "Files wait: 3 runs of this trigger have not ended."
    queue = RunQueue(db, clock)
    for run in queue.list(SYSTEM, SITE).items:
        queue.request_cancel(SYSTEM, run.id)
    assert look(**files) == 2
    assert [path for _, path, _ in fired(db)] == ["in/a", "in/b", "in/c", "in/d", "in/e"]
