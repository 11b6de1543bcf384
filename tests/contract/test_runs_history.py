"""What stays of runs: counts by the hour, who read what, lists by time and trigger, and how long runs are kept."""

import pytest
from sqlalchemy import text

from nightdrop.access.settings import changed_settings
from nightdrop.core.caller import SYSTEM, Caller
from nightdrop.core.clock import SystemClock
from nightdrop.core.errors import DeniedError
from nightdrop.runs.history import HOUR_MS, RunHistory
from nightdrop.runs.model import FinishedRun, RunRequestError, RunState
from nightdrop.runs.queue import RunQueue
from nightdrop.runs.retention import DAY_MS, Retention
from nightdrop.scripts.store import ScriptStore
from nightdrop.triggers.firing import Firing, fire
from nightdrop.triggers.settings import WebhookSettings
from nightdrop.triggers.store import TriggerStore

SITE, OTHER = "site_a", "site_b"
NOBODY = Caller(kind="session", name="nobody")
LEASE = 30_000


class Ahead:
    """The time, some milliseconds ahead: ids have the real one in them."""

    def __init__(self):
        self.by = 0

    def now_ms(self):
        return SystemClock().now_ms() + self.by


@pytest.fixture
def later():
    return Ahead()


@pytest.fixture
def queue(db, later):
    with db.write() as conn:
        for site in (SITE, OTHER):
            conn.execute(text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), {"id": site})
    ScriptStore(db, later).push(SYSTEM, SITE, "hello", "Log('hello')")
    return RunQueue(db, later)


def run_once(queue, state=RunState.SUCCEEDED, secrets=(), **options):
    """Queue a run and end it."""
    info = queue.enqueue(SYSTEM, SITE, **(options or {"script": "hello"}))
    (run,) = queue.claim("w", 1, LEASE)
    assert queue.finish(FinishedRun(run.id, run.fence, state, None, None, tuple(secrets), [(1, "info", "x")]))
    return info


def test_runs_are_counted_by_the_hour_and_the_way_they_ended(db, queue, later):
    history, start = RunHistory(db), later.now_ms()
    run_once(queue)
    run_once(queue)
    run_once(queue, RunState.FAILED)
    later.by += HOUR_MS
    run_once(queue, code="1")
    queue.request_cancel(SYSTEM, queue.enqueue(SYSTEM, SITE, script="hello").id)
    queue.enqueue(SYSTEM, SITE, script="hello")
    queue.claim("dead", 1, 1)
    later.by += 10
    assert len(queue.lose_expired()) == 1
    spans = history.spans(SYSTEM, SITE, start - HOUR_MS, later.now_ms(), 1)
    assert [span.runs for span in spans] == [
        {},
        {"succeeded": 2, "failed": 1},
        {"succeeded": 1, "cancelled": 1, "lost": 1},
    ]
    assert spans[1].at_ms == start // HOUR_MS * HOUR_MS
    (day,) = history.spans(SYSTEM, SITE, start, later.now_ms(), 24)
    assert day.runs == {"succeeded": 3, "failed": 1, "cancelled": 1, "lost": 1}
    assert all(not span.runs for span in history.spans(SYSTEM, OTHER, start, later.now_ms(), 1))
    with pytest.raises(DeniedError):
        history.spans(NOBODY, SITE, start, later.now_ms(), 1)


def test_an_end_that_does_not_count_is_not_counted(db, queue, later):
    info = run_once(queue)
    assert not queue.finish(FinishedRun(info.id, 1, RunState.FAILED))
    (span,) = RunHistory(db).spans(SYSTEM, SITE, later.now_ms(), later.now_ms() + 1, 1)
    assert span.runs == {"succeeded": 1}


def test_who_read_a_secret_is_told_beside_who_names_it(db, queue, later):
    scripts = ScriptStore(db, later)
    scripts.push(SYSTEM, SITE, "names", 'GetSecret("key")')
    scripts.push(SYSTEM, SITE, "computes", "GetSecret(Params.name)")
    scripts.push(SYSTEM, SITE, "unrelated", "1")
    run_once(queue, secrets=["key", "other"])
    later.by += 1000
    run_once(queue, secrets=["key"], script="computes")
    run_once(queue, secrets=["key"], code="1")
    users = scripts.users_of(SYSTEM, SITE, "key")
    assert [(one.name, one.certain, one.computed, one.read_ms is not None) for one in users] == [
        ("names", True, False, False),
        ("computes", False, True, True),
        ("hello", False, False, True),
    ]
    assert users[2].read_ms < users[1].read_ms
    scripts.delete(SYSTEM, SITE, "hello")
    assert [one.name for one in scripts.users_of(SYSTEM, SITE, "other")] == ["computes"]


def test_lists_are_cut_by_time_and_trigger(db, queue, later):
    triggers = TriggerStore(db, later)
    hook, _ = triggers.create(SYSTEM, SITE, "hello", WebhookSettings())
    other, _ = triggers.create(SYSTEM, SITE, "hello", WebhookSettings())
    fired = []
    for trigger in (hook, other, hook, hook):
        with db.write() as conn:
            fired.append(fire(conn, trigger, Firing({}), later.now_ms())[0])
    plain = queue.enqueue(SYSTEM, SITE, script="hello")
    first = queue.list(SYSTEM, SITE, trigger_id=hook.id, limit=2)
    assert [run.id for run in first.items] == [fired[3], fired[2]]
    rest = queue.list(SYSTEM, SITE, trigger_id=hook.id, limit=2, cursor=first.cursor)
    assert ([run.id for run in rest.items], rest.cursor) == ([fired[0]], None)
    assert queue.list(SYSTEM, SITE, trigger_id=hook.id, state=RunState.FAILED).items == ()
    assert queue.list(SYSTEM, OTHER, trigger_id=hook.id).items == ()
    now = later.now_ms()
    assert len(queue.list(SYSTEM, SITE, since_ms=now - 60_000).items) == 5
    assert queue.list(SYSTEM, SITE, since_ms=now + 60_000).items == ()
    assert queue.list(SYSTEM, SITE, until_ms=now - 60_000).items == ()
    assert queue.list(SYSTEM, SITE, until_ms=now + 60_000).items[0].id == plain.id
    with pytest.raises(RunRequestError):
        queue.list(SYSTEM, SITE, trigger_id=hook.id, cursor="nonsense")


def keep(db, **settings):
    with db.write() as conn:
        values = {"settings": changed_settings("{}", settings), "site": SITE}
        conn.execute(text("UPDATE sites SET settings = :settings WHERE id = :site"), values)


def count(db, table):
    with db.read() as conn:
        return conn.execute(text(f"SELECT count(*) FROM {table}")).scalar()


def test_runs_go_when_they_are_old_and_stay_counted(db, queue, later):
    keep(db, run_days=3)
    old = run_once(queue, secrets=["key"])
    waiting = queue.enqueue(SYSTEM, SITE, script="hello", run_at_ms=later.now_ms() + 30 * DAY_MS)
    retention = Retention(db, later)
    later.by += 2 * DAY_MS
    assert retention.prune() == 0
    later.by += DAY_MS + 1000
    assert retention.prune() == 1
    assert [run.id for run in queue.list(SYSTEM, SITE).items] == [waiting.id] != [old.id]
    assert count(db, "run_logs") == 0
    assert (count(db, "run_hours"), count(db, "secret_reads")) == (1, 1)


def test_of_too_many_runs_the_oldest_go(db, queue, later):
    keep(db, run_count=100)
    runs = [run_once(queue) for _ in range(103)]
    assert Retention(db, later).prune() == 3
    assert Retention(db, later).prune() == 0
    kept = queue.list(SYSTEM, SITE, limit=500).items
    assert {run.id for run in kept} == {run.id for run in runs[3:]}
