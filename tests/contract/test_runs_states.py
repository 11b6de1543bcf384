"""The queue under every order of events that Hypothesis thinks of, against a model of what must hold."""

import itertools

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from nightdrop.core.caller import SYSTEM
from nightdrop.core.clock import FakeClock
from nightdrop.runs.model import MAX_ATTEMPTS, FinishedRun, RunState
from nightdrop.runs.queue import RunQueue

LEASE = 1000
WORKERS = ("host:1:", "host:2:")
ENDS = [RunState.SUCCEEDED, RunState.FAILED, RunState.TIMED_OUT, RunState.KILLED, RunState.CANCELLED]
_SITES = itertools.count()


class QueueMachine(RuleBasedStateMachine):
    db = None

    def __init__(self):
        super().__init__()
        self.clock = FakeClock()
        self.queue = RunQueue(self.db, self.clock)
        self.expected = {}  # id -> state
        self.hands = {}  # id -> (worker, fence, lease until)
        self.claims = {}  # id -> how often it was started
        self.old = []  # (id, fence) that are nobody's any more
        self.idempotent = set()
        self.keys = {}
        self.cancelled = set()

    @initialize()
    def empty(self):
        self.site = f"site_{next(_SITES)}"
        with self.db.write() as conn:
            conn.execute(text("DELETE FROM runs"))
            conn.execute(text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), {"id": self.site})

    @rule(
        idempotent=st.booleans(),
        key=st.sampled_from([None, None, "k"]),
        priority=st.integers(0, 1),
        once=st.sampled_from([None, "o"]),
        later=st.sampled_from([0, 500]),
    )
    def enqueue(self, idempotent, key, priority, once, later):
        name = f"{once}-{idempotent}-{key}-{priority}" if once else None
        info = self.queue.enqueue(
            SYSTEM,
            self.site,
            code="1",
            idempotent=idempotent,
            concurrency_key=key,
            priority=priority,
            idempotency_key=name,
            run_at_ms=self.clock.now_ms() + later if not once else None,
        )
        if info.id in self.expected:
            assert once
            return
        assert info.state is RunState.QUEUED
        self.expected[info.id] = RunState.QUEUED
        self.keys[info.id] = key
        if idempotent:
            self.idempotent.add(info.id)

    @rule(worker=st.sampled_from(WORKERS), limit=st.integers(1, 3))
    def claim(self, worker, limit):
        for run in self.queue.claim(worker, limit, LEASE):
            assert self.expected[run.id] is RunState.QUEUED
            assert run.id not in self.hands
            self.claims[run.id] = self.claims.get(run.id, 0) + 1
            assert self.claims[run.id] == run.attempts
            assert run.attempts == 1 or run.id in self.idempotent
            self.expected[run.id] = RunState.RUNNING
            self.hands[run.id] = (worker, run.fence, self.clock.now_ms() + LEASE)

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), state=st.sampled_from(ENDS))
    def finish(self, data, state):
        run_id = data.draw(st.sampled_from(sorted(self.hands)))
        _, fence, _ = self.hands.pop(run_id)
        assert self.queue.finish(FinishedRun(run_id, fence, state, logs=[(1, "info", "end")]))
        self.expected[run_id] = state
        self.old.append((run_id, fence))

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def come_back_late(self, data):
        run_id, fence = data.draw(st.sampled_from(self.old))
        assert not self.queue.finish(FinishedRun(run_id, fence, RunState.FAILED))
        assert not self.queue.append_logs(run_id, fence, [(1, "info", "late")])
        assert self.queue.renew(WORKERS[0], [(run_id, fence)], LEASE) == {run_id}

    @rule(worker=st.sampled_from(WORKERS))
    def renew(self, worker):
        mine = {run_id: hand for run_id, hand in self.hands.items() if hand[0] == worker}
        assert self.queue.renew(worker, [(run_id, fence) for run_id, (_, fence, _) in mine.items()], LEASE) == set()
        for run_id, (_, fence, _) in mine.items():
            self.hands[run_id] = (worker, fence, self.clock.now_ms() + LEASE)

    @rule(ms=st.sampled_from([1, 400, LEASE, LEASE + 1]))
    def time_passes(self, ms):
        self.clock.advance(ms)

    @rule()
    def expire(self):
        now = self.clock.now_ms()
        expired = {run_id for run_id, (_, _, until) in self.hands.items() if until < now}
        assert set(self.queue.lose_expired()) == expired
        self._lose(expired)

    @rule(worker=st.sampled_from(WORKERS))
    def worker_dies(self, worker):
        gone = {run_id for run_id, hand in self.hands.items() if hand[0] == worker}
        assert set(self.queue.lose_worker(worker)) == gone
        self._lose(gone)

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def cancel(self, data):
        run_id = data.draw(st.sampled_from(sorted(self.expected)))
        before = self.expected[run_id]
        info = self.queue.request_cancel(SYSTEM, run_id)
        if before is RunState.QUEUED:
            self.expected[run_id] = RunState.CANCELLED
        elif before is RunState.RUNNING:
            self.cancelled.add(run_id)
            assert run_id in self.queue.cancel_requests(list(self.hands))
        assert info.state is self.expected[run_id]

    def _lose(self, run_ids):
        for run_id in run_ids:
            _, fence, _ = self.hands.pop(run_id)
            self.old.append((run_id, fence))
            again = run_id in self.idempotent and self.claims[run_id] < MAX_ATTEMPTS and run_id not in self.cancelled
            self.expected[run_id] = RunState.QUEUED if again else RunState.LOST

    @invariant()
    def the_table_is_as_expected(self):
        with self.db.read() as conn:
            rows = conn.execute(text("SELECT id, state, ended_ms, lease_until_ms FROM runs")).all()
        assert {row.id: row.state for row in rows} == self.expected
        for row in rows:
            assert (row.ended_ms is not None) == RunState(row.state).ended
            assert (row.lease_until_ms is not None) == (row.state == RunState.RUNNING)
        running = [self.keys[row.id] for row in rows if row.state == RunState.RUNNING and self.keys[row.id]]
        assert len(running) == len(set(running))

    def teardown(self):
        """Whatever happened: with its workers gone and one good worker, everything comes to an end."""
        if not hasattr(self, "site"):
            return
        self._lose(self.queue.lose_worker(""))
        self.clock.advance(500)
        while runs := self.queue.claim("last", 2, LEASE):
            assert all(self.queue.finish_many([FinishedRun(run.id, run.fence, RunState.SUCCEEDED) for run in runs]))
        with self.db.read() as conn:
            states = set(conn.execute(text("SELECT state FROM runs")).scalars())
        assert all(RunState(state).ended for state in states)


def test_no_order_of_events_breaks_the_queue(db):
    machine = type("Machine", (QueueMachine,), {"db": db})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
