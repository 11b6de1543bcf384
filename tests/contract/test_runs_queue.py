import hashlib
import select

import pytest
from sqlalchemy import text

from nightdrop.access.sites import SiteMissingError
from nightdrop.core.caller import SYSTEM, Caller
from nightdrop.core.errors import DeniedError
from nightdrop.core.script_text import ScriptNameError, ScriptTooLargeError
from nightdrop.db.errors import DatabaseUnreachableError
from nightdrop.db.notify import NotifyListener
from nightdrop.runs.bell import Bell
from nightdrop.runs.model import (
    FinishedRun,
    IdempotencyConflictError,
    ParamsInvalidError,
    ParamsTooLargeError,
    RunMissingError,
    RunRequestError,
    RunScriptMissingError,
    RunState,
)
from nightdrop.runs.queue import RunQueue
from nightdrop.scripts.store import ScriptStore

SITE, OTHER = "site_a", "site_b"
NOBODY = Caller(kind="session", name="nobody")
LEASE = 30_000


@pytest.fixture
def queue(db, clock):
    with db.write() as conn:
        for site in (SITE, OTHER):
            conn.execute(text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), {"id": site})
    ScriptStore(db, clock).push(SYSTEM, SITE, "hello", "Log('hello')")
    return RunQueue(db, clock)


def audit(db, event=None):
    with db.read() as conn:
        return [
            row.event
            for row in conn.execute(text("SELECT event FROM audit ORDER BY seq"))
            if event in (None, row.event)
        ]


def start(queue, **options):
    return queue.enqueue(SYSTEM, SITE, script="hello", **options)


def claim_one(queue, worker="w1"):
    (run,) = queue.claim(worker, 1, LEASE)
    return run


def ended(run, state=RunState.SUCCEEDED, **more):
    return FinishedRun(run.id, run.fence, state, **more)


def test_a_run_from_queue_to_end(queue, clock, db):
    info = start(queue, params={"to": "you", "n": [1, None, "ü"]}, timeout_s=1.5)
    assert (info.state, info.version, info.script_name) == (RunState.QUEUED, 1, "hello")
    assert queue.get(SYSTEM, info.id) == info
    clock.advance(10)
    run = claim_one(queue)
    assert (run.id, run.code, run.script_id, run.timeout_s) == (info.id, "Log('hello')", info.script_id, 1.5)
    assert run.params == {"to": "you", "n": [1, None, "ü"]}
    assert run.settings.memory > 0
    assert queue.claim("w2", 5, LEASE) == []
    clock.advance(250)
    assert queue.append_logs(run.id, run.fence, [(1, "info", "a"), (2, "warn", "b\0\ud800")])
    error = {"kind": "script", "message": "boom \ud800\0", "line": 3, "column": 1, "stack": ""}
    end = ended(
        run, RunState.FAILED, reason="the script failed", error=error, secrets_used=("k",), logs=[(3, "info", "c")]
    )
    assert queue.finish(end)
    done = queue.get(SYSTEM, run.id)
    assert (done.state, done.reason, done.error, done.secrets_used) == (
        RunState.FAILED,
        "the script failed",
        error,
        ("k",),
    )
    assert (done.duration_ms, done.worker_id, done.attempts) == (250, "w1", 1)
    assert [tuple(line) for line in queue.logs(SYSTEM, run.id)] == [
        (1, 1, "info", "a"),
        (2, 2, "warn", "b\ufffd?"),
        (3, 3, "info", "c"),
    ]
    assert [line.seq for line in queue.logs(SYSTEM, run.id, after_seq=1, limit=1)] == [2]
    assert audit(db) == ["script.pushed", "run.queued", "run.ended"]


def test_code_that_is_run_once_is_audited_as_such(queue, db):
    info = queue.enqueue(SYSTEM, SITE, code="Log(1)", name="try.js")
    run = claim_one(queue)
    assert (run.id, run.code, run.script_id, run.script_name) == (info.id, "Log(1)", None, "try.js")
    assert audit(db)[-1] == "exec.queued"
    with db.read() as conn:
        body = conn.execute(text("SELECT body FROM audit ORDER BY seq DESC LIMIT 1")).scalar()
    assert hashlib.sha256(b"Log(1)").hexdigest().encode() in bytes(body)


def test_the_version_of_the_moment_runs(queue, db, clock):
    start(queue)
    ScriptStore(db, clock).push(SYSTEM, SITE, "hello", "Log('new')")
    assert start(queue).version == 2
    assert [run.code for run in queue.claim("w", 5, LEASE)] == ["Log('hello')", "Log('new')"]


def test_a_run_whose_script_is_deleted_ends_and_does_not_block(queue, db, clock):
    gone = start(queue)
    after = queue.enqueue(SYSTEM, SITE, code="1")
    ScriptStore(db, clock).delete(SYSTEM, SITE, "hello")
    assert claim_one(queue).id == after.id
    info = queue.get(SYSTEM, gone.id)
    assert (info.state, info.script_id, info.script_name) == (RunState.FAILED, None, "hello")
    assert "deleted" in info.reason


@pytest.mark.parametrize("stale", [0, 2, 7])
def test_a_stale_fence_changes_nothing(queue, stale):
    run = claim_one(queue) if start(queue) else None
    assert not queue.append_logs(run.id, stale, [(1, "info", "x")])
    assert not queue.finish(FinishedRun(run.id, stale, RunState.FAILED, logs=[(1, "info", "x")]))
    assert queue.renew("w1", [(run.id, stale)], LEASE) == {run.id}
    assert queue.get(SYSTEM, run.id).state is RunState.RUNNING
    assert queue.logs(SYSTEM, run.id) == ()


def test_a_run_ends_once(queue, db):
    start(queue)
    run = claim_one(queue)
    assert queue.finish_many([ended(run, RunState.FAILED), ended(run)]) == [False, True]
    assert not queue.finish(ended(run, RunState.FAILED))
    assert not queue.append_logs(run.id, run.fence, [(1, "info", "late")])
    assert queue.get(SYSTEM, run.id).state is RunState.SUCCEEDED
    assert len(audit(db, "run.ended")) == 1
    with pytest.raises(ValueError, match="no end"):
        queue.finish(ended(run, RunState.RUNNING))


def test_many_ends_in_one_go(queue):
    for _ in range(5):
        start(queue)
    runs = queue.claim("w1", 10, LEASE)
    ends = [ended(run, logs=[(1, "info", run.id)]) for run in runs]
    ends.insert(2, FinishedRun("run_unknown", 1, RunState.FAILED))
    assert queue.finish_many(ends) == [True, True, False, True, True, True]
    assert all(queue.logs(SYSTEM, run.id)[0].text == run.id for run in runs)
    assert queue.finish_many([]) == []


def test_a_turn_logs_ends_and_claims_at_once(queue):
    ids = [start(queue).id for _ in range(3)]
    first, second = queue.claim("w1", 2, LEASE)
    turn = queue.turn(
        "w1",
        4,
        LEASE,
        logs={(first.id, 0): [(1, "info", "stale")], (first.id, first.fence): [(1, "info", "mine")]},
        ends=[ended(first, logs=[(2, "info", "end")]), ended(second)],
    )
    assert (turn.done, turn.logged, [run.id for run in turn.claimed]) == ([True, True], {first.id}, ids[2:])
    assert [line.text for line in queue.logs(SYSTEM, first.id)] == ["mine", "end"]
    late = queue.turn("w1", 1, LEASE, logs={(first.id, first.fence): [(3, "info", "late")]}, ends=[ended(first)])
    assert (late.done, late.logged, late.claimed) == ([False], set(), [])


def test_order_is_priority_then_due_time_then_age(queue, clock):
    names = {}

    def add(name, **options):
        names[start(queue, **options).id] = name

    now = clock.now_ms()
    add("third", run_at_ms=now)
    add("second", run_at_ms=now - 5)
    add("fourth", run_at_ms=now)
    add("first", priority=1)
    add("fifth", priority=-1)
    add("not yet", priority=5, run_at_ms=now + 1)
    assert [names[run.id] for run in queue.claim("w", 10, LEASE)] == ["first", "second", "third", "fourth", "fifth"]
    clock.advance(1)
    assert [names[run.id] for run in queue.claim("w", 10, LEASE)] == ["not yet"]


def test_one_run_per_concurrency_key_and_others_pass(queue):
    first = start(queue, concurrency_key="k")
    second = start(queue, concurrency_key="k")
    free = start(queue)
    other = queue.enqueue(SYSTEM, OTHER, code="1", concurrency_key="k")
    runs = queue.claim("w", 3, LEASE)
    assert [run.id for run in runs] == [first.id, free.id, other.id]
    assert queue.claim("w", 3, LEASE) == []
    queue.finish(ended(runs[0]))
    assert [run.id for run in queue.claim("w", 3, LEASE)] == [second.id]


def test_an_idempotency_key_makes_one_run(queue, db):
    options = {"idempotency_key": "once", "params": {"a": 1}, "timeout_s": 2, "priority": 1}
    first = start(queue, **options)
    assert start(queue, **options) == first
    assert queue.enqueue(SYSTEM, SITE, script=first.script_id, **options) == first
    run = claim_one(queue)
    queue.finish(ended(run))
    assert start(queue, **options).state is RunState.SUCCEEDED
    assert len(audit(db, "run.queued")) == 1
    for change in (
        {"params": {"a": 2}},
        {"timeout_s": 3},
        {"priority": 0},
        {"concurrency_key": "c"},
        {"idempotent": True},
    ):
        with pytest.raises(IdempotencyConflictError):
            start(queue, **{**options, **change})
    with pytest.raises(IdempotencyConflictError):
        queue.enqueue(SYSTEM, SITE, code="Log(1)", **options)
    assert queue.enqueue(SYSTEM, OTHER, code="Log(1)", **options).id != first.id


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({1: "a"}, ParamsInvalidError),
        ({"a": object()}, ParamsInvalidError),
        ({"a": float("nan")}, ParamsInvalidError),
        ({"a": "\ud800"}, ParamsInvalidError),
        ({"a": "x" * (256 * 1024)}, ParamsTooLargeError),
    ],
)
def test_bad_parameters_are_refused(queue, params, error):
    with pytest.raises(error):
        start(queue, params=params)


def test_parameters_may_fill_their_limit(queue):
    value = "\0" * 2 + "é" * ((256 * 1024 - len('{"a":""}') - 12) // 2)
    start(queue, params={"a": value})
    assert claim_one(queue).params == {"a": value}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"script": "hello", "code": "1"},
        {"script": "hello", "timeout_s": 0},
        {"script": "hello", "timeout_s": float("inf")},
        {"script": "hello", "timeout_s": 604801},
        {"script": "hello", "priority": 1001},
        {"script": "hello", "idempotency_key": ""},
        {"script": "hello", "idempotency_key": "k" * 201},
        {"script": "hello", "concurrency_key": "\0"},
    ],
)
def test_a_bad_request_is_refused(queue, options):
    with pytest.raises(RunRequestError):
        queue.enqueue(SYSTEM, SITE, **options)


def test_unknown_things_are_named_clearly(queue):
    for name in ("missing", "scr_" + "0" * 26, "a\0"):
        with pytest.raises(RunScriptMissingError):
            queue.enqueue(SYSTEM, SITE, script=name)
    with pytest.raises(RunScriptMissingError):
        queue.enqueue(SYSTEM, OTHER, script="hello")
    with pytest.raises(SiteMissingError):
        queue.enqueue(SYSTEM, "site_none", code="1")
    with pytest.raises(ScriptNameError):
        queue.enqueue(SYSTEM, SITE, code="1", name="\n")
    with pytest.raises(ScriptTooLargeError):
        queue.enqueue(SYSTEM, SITE, code="x" * 2**21)
    for run_id in ("", "x", "run_\0", "run_" + "0" * 26):
        with pytest.raises(RunMissingError):
            queue.get(SYSTEM, run_id)
        with pytest.raises(RunMissingError):
            queue.logs(SYSTEM, run_id)


def test_a_queued_run_is_cancelled_at_once(queue, db):
    info = start(queue)
    done = queue.request_cancel(SYSTEM, info.id)
    assert (done.state, done.reason) == (RunState.CANCELLED, "cancelled by system")
    assert queue.claim("w", 1, LEASE) == []
    assert queue.request_cancel(SYSTEM, info.id) == done
    assert audit(db, "run.cancel_requested") == ["run.cancel_requested"]


def test_a_running_run_is_marked_for_its_worker(queue):
    start(queue)
    start(queue)
    run, other = queue.claim("w1", 2, LEASE)
    assert queue.cancel_requests([run.id, other.id]) == set()
    assert queue.request_cancel(SYSTEM, run.id).cancel_requested
    assert queue.cancel_requests([run.id, other.id]) == {run.id}
    assert queue.finish(ended(run, RunState.CANCELLED, reason="cancelled"))
    assert queue.cancel_requests([run.id, other.id]) == set()
    assert queue.cancel_requests([]) == set()


def test_a_lease_is_renewed_by_its_holder_only(queue, clock):
    start(queue)
    run = claim_one(queue)
    clock.advance(LEASE)
    assert queue.renew("w2", [(run.id, run.fence)], LEASE) == {run.id}
    assert queue.renew("w1", [(run.id, run.fence)], LEASE) == set()
    clock.advance(LEASE)
    assert queue.lose_expired() == []
    clock.advance(1)
    assert queue.lose_expired() == [run.id]
    assert queue.renew("w1", [(run.id, run.fence)], LEASE) == {run.id}
    assert queue.renew("w1", [], LEASE) == set()


def test_a_run_of_a_silent_worker_is_lost_not_repeated(queue, clock, db):
    start(queue)
    run = claim_one(queue)
    clock.advance(LEASE + 1)
    assert queue.lose_expired() == [run.id]
    assert queue.lose_expired() == []
    info = queue.get(SYSTEM, run.id)
    assert info.state is RunState.LOST
    assert "not known" in info.reason
    assert info.ended_ms == clock.now_ms()
    assert not queue.finish(ended(run))
    assert queue.claim("w2", 1, LEASE) == []
    assert audit(db, "run.lost") == ["run.lost"]


def test_an_idempotent_run_is_repeated_three_times_at_most(queue, clock):
    info = start(queue, idempotent=True)
    fences = []
    for _ in range(3):
        run = claim_one(queue)
        fences.append(run.fence)
        assert not any(queue.finish(FinishedRun(info.id, fence, RunState.SUCCEEDED)) for fence in fences[:-1])
        queue.append_logs(run.id, run.fence, [(1, "info", "tried")])
        clock.advance(LEASE + 1)
        assert queue.lose_expired() == [info.id]
        assert not queue.finish(ended(run))
    assert fences == [1, 2, 3]
    assert queue.claim("w", 1, LEASE) == []
    assert queue.get(SYSTEM, info.id).state is RunState.LOST
    assert [line.seq for line in queue.logs(SYSTEM, info.id)] == [1, 2, 3]


def test_an_idempotent_run_that_somebody_cancelled_is_not_repeated(queue, clock):
    info = start(queue, idempotent=True)
    claim_one(queue)
    queue.request_cancel(SYSTEM, info.id)
    clock.advance(LEASE + 1)
    queue.lose_expired()
    assert queue.get(SYSTEM, info.id).state is RunState.LOST


def test_the_runs_of_a_dead_worker_are_lost_and_no_others(queue):
    for _ in range(3):
        start(queue)
    mine, wild, other = claim_one(queue, "host_a:1"), claim_one(queue, "hostXa:1"), claim_one(queue, "b:1")
    assert queue.lose_worker("host_a:") == [mine.id]
    assert {queue.get(SYSTEM, run.id).state for run in (wild, other)} == {RunState.RUNNING}
    assert queue.lose_worker("host_a:") == []


def test_lists_show_the_newest_first_in_pages(queue):
    ids = [start(queue, params={"n": n}).id for n in range(5)]
    newest = sorted(ids, reverse=True)
    seen, cursor = [], None
    while True:
        page = queue.list(SYSTEM, SITE, limit=2, cursor=cursor)
        seen += [run.id for run in page.items]
        if (cursor := page.cursor) is None:
            break
    assert seen == newest
    run = claim_one(queue)
    assert [item.id for item in queue.list(SYSTEM, SITE, state=RunState.RUNNING).items] == [run.id]
    assert len(queue.list(SYSTEM, SITE, script_id=run.script_id).items) == 5
    assert queue.list(SYSTEM, SITE, script_id=run.script_id, state=RunState.RUNNING, limit=1).cursor is None
    assert queue.list(SYSTEM, OTHER).items == ()
    with pytest.raises(RunScriptMissingError):
        queue.list(SYSTEM, OTHER, script_id=run.script_id)
    assert all(item.params is None for item in page.items)
    with pytest.raises(RunRequestError):
        queue.list(SYSTEM, SITE, cursor="x\0")
    with pytest.raises(RunScriptMissingError):
        queue.list(SYSTEM, SITE, script_id="x\0")


def test_who_may_not_see_a_site_learns_nothing_of_its_runs(queue, db):
    info = start(queue)
    for act in (queue.get, queue.logs, queue.request_cancel):
        with pytest.raises(RunMissingError):
            act(NOBODY, info.id)
    with pytest.raises(DeniedError):
        queue.list(NOBODY, SITE)
    for source in ({"script": "hello"}, {"script": "missing"}, {"code": "1"}):
        with pytest.raises(DeniedError):
            queue.enqueue(NOBODY, SITE, **source)
    assert queue.get(SYSTEM, info.id).state is RunState.QUEUED
    assert len(audit(db, "run.queued")) == 1
    assert len(audit(db, "access.denied")) == 7


def test_a_bell_wakes_the_worker(db, queue, clock, tmp_path):
    bell = Bell(tmp_path / "wake")
    ringing = RunQueue(db, clock, bell)
    worker = bell.listen("worker")
    info = start(ringing)
    assert worker.drain()
    ringing.request_cancel(SYSTEM, info.id)
    assert worker.drain()
    ringing.get(SYSTEM, info.id)
    assert not worker.drain()
    worker.close()
    bell.close()


def test_a_shared_database_wakes_the_other_hosts(db, queue):
    if db.is_sqlite:
        # One host: the bell does it, and nobody can listen here.
        with pytest.raises(DatabaseUnreachableError):
            NotifyListener(db.url)
        return
    listener = NotifyListener(db.url)
    start(queue)
    assert select.select([listener], [], [], 10)[0]
    assert listener.drain() == {"worker"}
    run = claim_one(queue)
    queue.finish(ended(run))
    assert select.select([listener], [], [], 10)[0]
    assert listener.drain() == {"web"}
    assert listener.drain() == set()
    listener.close()
    with pytest.raises(DatabaseUnreachableError):
        listener.drain()
    with pytest.raises(DatabaseUnreachableError) as caught:
        NotifyListener(db.url.set(database="no_such_database"))
    assert "no_such_database" not in str(caught.value)
