"""Real processes: one is killed with runs in its hands, two compete for the same runs."""

import subprocess
import sys
from collections import Counter

import pytest
from sqlalchemy import text

from nightdrop.core.caller import SYSTEM
from nightdrop.core.clock import FakeClock, SystemClock
from nightdrop.runs.model import FinishedRun, RunState
from nightdrop.runs.queue import RunQueue

SITE = "site_a"
_PREAMBLE = """
import sys
from nightdrop.core.clock import SystemClock
from nightdrop.db.engine import Database
from nightdrop.runs.model import FinishedRun, RunState
from nightdrop.runs.queue import RunQueue
queue = RunQueue(Database.open(sys.argv[1]), SystemClock())
"""
_HOLD = (
    _PREAMBLE
    + """
print(*(run.id for run in queue.claim(sys.argv[2], 3, 60_000)), flush=True)
sys.stdin.read()
"""
)
_COMPETE = (
    _PREAMBLE
    + """
print("ready", flush=True)
sys.stdin.readline()
while runs := queue.claim(sys.argv[2], 3, 60_000):
    print(*(run.id for run in runs), sep="\\n", flush=True)
    assert all(queue.finish_many([FinishedRun(run.id, run.fence, RunState.SUCCEEDED) for run in runs]))
"""
)


@pytest.fixture
def queue(db):
    with db.write() as conn:
        conn.execute(text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), {"id": SITE})
    return RunQueue(db, SystemClock())


def process(code, db, worker):
    where = db.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", code, where, worker]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def enqueue(queue, count, **options):
    return [queue.enqueue(SYSTEM, SITE, code="1", **options).id for _ in range(count)]


def test_runs_of_a_killed_worker_are_lost_and_the_rest_goes_on(db, queue):
    once = enqueue(queue, 2)
    again = enqueue(queue, 1, idempotent=True)
    waiting = enqueue(queue, 1)
    with process(_HOLD, db, "host:1:") as holder:
        assert holder.stdout.readline().split() == once + again
        holder.kill()
    assert sorted(queue.lose_worker("host:")) == sorted(once + again)
    states = {run_id: queue.get(SYSTEM, run_id).state for run_id in once + again + waiting}
    assert [states[run_id] for run_id in once] == [RunState.LOST] * 2
    runs = queue.claim("host:2:", 9, 60_000)
    assert {run.id for run in runs} == {*again, *waiting}
    assert all(queue.finish_many([FinishedRun(run.id, run.fence, RunState.SUCCEEDED) for run in runs]))


def test_the_lease_of_a_killed_worker_runs_out(db, queue):
    (run_id,) = enqueue(queue, 1)
    with process(_HOLD, db, "far:1:") as holder:
        assert holder.stdout.readline().split() == [run_id]
        holder.kill()
    assert queue.lose_expired() == []
    later = RunQueue(db, FakeClock(SystemClock().now_ms() + 60_001))
    assert later.lose_expired() == [run_id]
    assert queue.get(SYSTEM, run_id).state is RunState.LOST


def test_competing_workers_run_each_run_once(db, queue):
    ids = enqueue(queue, 40)
    for key in ("a", "b"):
        ids += enqueue(queue, 5, concurrency_key=key)
    with process(_COMPETE, db, "w1") as first, process(_COMPETE, db, "w2") as second:
        assert first.stdout.readline() == second.stdout.readline() == "ready\n"
        for one in (first, second):
            one.stdin.write("\n")
            one.stdin.flush()
        outputs = [first.communicate(timeout=60)[0].split(), second.communicate(timeout=60)[0].split()]
    assert (first.returncode, second.returncode) == (0, 0)
    seen = Counter(outputs[0] + outputs[1])
    # A worker that finds a key taken by the other may go home before that key is free again.
    for run in queue.claim("w3", 20, 60_000):
        seen[run.id] += 1
    left = {run.id for run in queue.list(SYSTEM, SITE, state=RunState.QUEUED).items}
    assert set(seen.values()) == {1}
    assert seen.keys() | left == set(ids)
    assert all(queue.get(SYSTEM, run_id).concurrency_key for run_id in left)
