import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from nightdrop.core.caller import SYSTEM
from nightdrop.core.clock import FakeClock
from nightdrop.db.engine import Database
from nightdrop.runs.model import FinishedRun, RunState
from nightdrop.runs.queue import RunQueue
from nightdrop.scripts.store import ScriptStore
from nightdrop.triggers.schedules import MAX_QUEUED, Schedules
from nightdrop.triggers.settings import ScheduleSettings
from nightdrop.triggers.store import TriggerStore

SITE = "site_a"
MINUTE_MS = 60_000
START_MS = int(datetime(2026, 11, 26, 12, 0, 30, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def clock():
    return FakeClock(START_MS)


@pytest.fixture
def world(db, clock):
    return World(db, clock)


class World:
    """A site with a script, its triggers and its runs."""

    def __init__(self, db, clock):
        self.db, self.clock = db, clock
        with db.write() as conn:
            conn.execute(text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), {"id": SITE})
        ScriptStore(db, clock).push(SYSTEM, SITE, "backup", "Log(1)")
        self.store = TriggerStore(db, clock)
        self.schedules = Schedules(db, clock)
        self.queue = RunQueue(db, clock)

    def add(self, cron="* * * * *", **settings):
        return self.store.create(SYSTEM, SITE, "backup", ScheduleSettings(cron=cron, **settings), name="often")[0]

    def now(self, trigger):
        return self.store.get(SYSTEM, SITE, trigger.id)

    def runs(self):
        return self.queue.list(SYSTEM, SITE, limit=500).items

    def minute(self, count=1):
        self.clock.advance(count * MINUTE_MS)
        return self.schedules.look()

    def end_all(self):
        for run in self.queue.claim("w", 100, 30_000):
            self.queue.finish(FinishedRun(run.id, run.fence, RunState.SUCCEEDED))


def test_it_fires_when_it_is_due_and_not_before(world):
    trigger = world.add(params={"x": 1}, timeout_s=9)
    assert world.schedules.look() == 0
    assert world.schedules.next_ms() == trigger.next_ms == START_MS + 30_000
    assert world.minute() == 1
    (run,) = world.runs()
    assert world.queue.get(SYSTEM, run.id).params == {"x": 1, "Schedule": {"Due": "2026-11-26T12:01:00Z"}}
    assert (run.script_name, run.version, run.timeout_s, run.created_by) == ("backup", 1, 9, "schedule:often")
    fired = world.now(trigger)
    assert (fired.last_ms, fired.last_run_id, fired.problem) == (world.clock.now_ms(), run.id, None)
    assert fired.next_ms == trigger.next_ms + MINUTE_MS
    assert world.schedules.look() == 0


def test_a_run_says_where_it_comes_from_in_row_and_audit(world):
    trigger = world.add()
    world.minute()
    with world.db.read() as conn:
        origin = conn.execute(text("SELECT * FROM run_origins")).one()
        body = conn.execute(text("SELECT body FROM audit WHERE event = 'run.queued'")).scalar_one()
    assert (origin.run_id, origin.kind, origin.trigger_id) == (world.runs()[0].id, "schedule", trigger.id)
    entry = json.loads(bytes(body))
    assert entry["detail"] == {"kind": "schedule", "script": "backup", "trigger": trigger.id}
    assert entry["target"] == origin.run_id


def test_what_is_off_does_not_fire(world):
    trigger = world.add()
    world.store.change(SYSTEM, SITE, trigger.id, enabled=False)
    assert world.minute(5) == 0
    assert world.schedules.next_ms() is None


def test_times_that_passed_make_one_run(world):
    world.add(missed="run", overlap="allow")
    assert world.minute(600) == 1
    assert world.minute() == 1


def test_times_that_passed_are_left_out_when_told_so(world):
    trigger = world.add(missed="skip")
    assert world.minute(600) == 0
    assert "missed" in world.now(trigger).problem
    assert world.minute() == 1
    assert world.now(trigger).problem is None


def test_a_worker_that_is_a_little_late_has_missed_nothing(world):
    world.add(missed="skip", cron="*/10 * * * *")
    world.clock.advance(9 * MINUTE_MS + 30_000 + 59_000)
    assert world.schedules.look() == 1


def test_overlap_skip_waits_for_the_end_of_the_run_before(world):
    trigger = world.add(overlap="skip")
    assert [world.minute(), world.minute()] == [1, 0]
    assert "has not ended" in world.now(trigger).problem
    world.queue.claim("w", 1, 30_000)
    assert world.minute() == 0
    with world.db.write() as conn:
        conn.execute(text("UPDATE runs SET state = 'succeeded'"))
    assert world.minute() == 1


def test_overlap_queue_runs_one_after_the_other(world):
    world.add(overlap="queue")
    assert [world.minute(), world.minute()] == [1, 1]
    assert len(world.queue.claim("w", 10, 30_000)) == 1


def test_a_queue_that_never_shortens_has_an_end(world):
    trigger = world.add(overlap="queue")
    assert sum(world.minute() for _ in range(MAX_QUEUED + 3)) == MAX_QUEUED
    assert "has not ended" in world.now(trigger).problem


def test_overlap_allow_runs_all_at_once(world):
    world.add(overlap="allow")
    assert [world.minute(), world.minute()] == [1, 1]
    assert len(world.queue.claim("w", 10, 30_000)) == 2


def test_a_key_of_its_own_holds_for_other_triggers_too(world):
    for _ in range(2):
        world.add(overlap="allow", concurrency_key="disk")
    assert world.minute() == 2
    assert len(world.queue.claim("w", 10, 30_000)) == 1


def test_what_spoils_one_does_not_stop_the_others(world):
    spoiled, good = world.add(), world.add()
    with world.db.write() as conn:
        bad = json.dumps({"kind": "schedule", "cron": "* * * * *", "zone": "Gone/Away"})
        conn.execute(text("UPDATE triggers SET settings = :bad WHERE id = :id"), {"bad": bad, "id": spoiled.id})
    assert world.minute() == 1
    assert world.now(good).last_ms is not None
    assert "It was stopped" in world.now(spoiled).problem
    assert world.minute() == 0  # the run of the good one has not ended


def test_two_workers_fire_each_time_once(world, db_url):
    for _ in range(40):
        world.add()
    world.clock.advance(MINUTE_MS)

    def look(_):
        with Database.open(db_url) as db:
            return Schedules(db, world.clock).look()

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(look, range(4))) == 40
    assert len(world.runs()) == 40


def test_many_that_are_due_are_fired_in_batches(world):
    ScriptStore(world.db, world.clock).push(SYSTEM, SITE, "other", "Log(1)")
    for number in range(150):
        script = "backup" if number % 2 else "other"
        world.store.create(SYSTEM, SITE, script, ScheduleSettings(cron="* * * * *"))
    assert world.minute() == 150
