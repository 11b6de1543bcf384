"""A run that was claimed always comes to an end, whatever goes wrong between the claim and its start."""

import asyncio
import contextlib
import os
import select
import subprocess

import pytest
from sqlalchemy import text

from nightdrop.core.caller import SYSTEM
from nightdrop.core.clock import SystemClock
from nightdrop.core.wire import Channel, channel_pair
from nightdrop.db.engine import Database
from nightdrop.db.errors import DatabaseBusyError
from nightdrop.db.migrate import upgrade
from nightdrop.runs.model import RunState
from nightdrop.runs.queue import RunQueue
from nightdrop.worker import dispatch, live_run
from nightdrop.worker.dispatch import Dispatcher
from nightdrop.worker.pairs import ROLES, Pair

SITE = "site_a"


@pytest.fixture
def queue(tmp_path):
    with Database.open(tmp_path / "app.db") as db:
        upgrade(db)
        with db.write() as conn:
            conn.execute(text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), {"id": SITE})
        yield RunQueue(db, SystemClock())


@contextlib.contextmanager
def waiting_pair():
    """A pair whose processes only wait, and the channel's end that its gateway would have."""
    ours, theirs = channel_pair()
    processes = [subprocess.Popen(["cat"], stdin=subprocess.PIPE) for _ in range(2)]
    with theirs:
        pidfds = [os.pidfd_open(process.pid) for process in processes]
        pair = Pair(1, ours, dict(zip(ROLES, pidfds, strict=True)))
        yield pair, Channel(theirs)
        pair.dispose()
    for process in processes:
        process.kill()
        process.stdin.close()
        process.wait()


@pytest.fixture
def pair():
    with waiting_pair() as (pair, _gateway):
        yield pair


class Pool:
    """Hands out what it was given."""

    def __init__(self, *pairs):
        self.pairs = list(pairs)

    def take(self, paths=()):
        return self.pairs.pop() if self.pairs else None

    def refill(self, waiting=()):
        pass

    def forget(self, pair):
        pair.dispose()


def dispatch_until_ended(queue, pool, run_id, start_run, during=None, may_start=lambda: True):
    async def serve():
        dispatcher = Dispatcher(
            queue,
            pool,
            worker_id="w1",
            concurrency=4,
            start_run=start_run,
            end_run=lambda _run: None,
            open_courier=lambda _run: None,
            notify=lambda: None,
            may_start=may_start,
        )
        serving = asyncio.create_task(dispatcher.run())
        while not queue.get(SYSTEM, run_id).state.ended:
            if during is not None:
                during(dispatcher)
            await asyncio.sleep(0.005)
        dispatcher.stop("the test is over", 0)
        await serving

    async def bounded():
        await asyncio.wait_for(serve(), 20)

    asyncio.run(bounded())
    return queue.get(SYSTEM, run_id)


def refuse(_live):
    raise ProcessLookupError


def test_a_run_that_cannot_be_started_fails(queue, pair):
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")
    ended = dispatch_until_ended(queue, Pool(pair), run.id, refuse)
    assert (ended.state, ended.reason) == (RunState.FAILED, "its processes could not be started")


def test_a_run_whose_pair_dies_before_it_begins_gets_another(queue, pair):
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")
    with waiting_pair() as (first, gateway):

        def start(live):
            if live.pair is first:
                gateway.close()
            else:
                live.kill(RunState.CANCELLED, "seen on the second pair")

        ended = dispatch_until_ended(queue, Pool(pair, first), run.id, start)
    assert (ended.state, ended.reason) == (RunState.CANCELLED, "seen on the second pair")


def test_a_run_that_has_begun_is_never_begun_again(queue, pair):
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")
    with waiting_pair() as (first, gateway):

        def start(live):
            assert live.pair is first
            gateway.send_json({"t": "begun"})
            gateway.close()

        ended = dispatch_until_ended(queue, Pool(pair, first), run.id, start)
    assert (ended.state, ended.reason) == (RunState.FAILED, "its processes stopped: a zygote was restarted")


def test_what_a_run_was_given_is_kept_even_when_the_keeper_says_it_late(queue, pair):
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")
    with waiting_pair() as (first, gateway):

        def start(_live):
            gateway.send_json({"t": "begun"})
            gateway.send_json({"t": "end", "state": "succeeded", "error": None, "secrets": ["b", "a"], "moved": 70})

        ended = dispatch_until_ended(queue, Pool(first), run.id, start)
    assert (ended.state, ended.secrets_used) == (RunState.SUCCEEDED, ("a", "b"))
    assert ended.bytes_moved == 70


def test_a_script_that_asks_for_the_halt_signal_may_end_itself(queue, pair):
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")
    heard = []
    with waiting_pair() as (first, gateway):

        def start(_live):
            gateway.send_json({"t": "begun"})
            gateway.send_json({"t": "listens"})

        def cancel(dispatcher):
            if any(live.listens for live in dispatcher._live.values()):
                queue.request_cancel(SYSTEM, run.id)
                dispatcher.rung()
            if not heard and select.select([gateway], [], [], 0)[0]:
                heard.append(gateway.recv_json()["op"])
                gateway.send_json({"t": "log", "lines": [[1, "info", "tidied up"]]})
                gateway.send_json({"t": "end", "state": "succeeded", "error": None, "secrets": [], "moved": 0})

        ended = dispatch_until_ended(queue, Pool(first), run.id, start, during=cancel)
    assert (ended.state, ended.reason, heard) == (RunState.CANCELLED, "cancelled", ["halt"])
    assert [line.text for line in queue.logs(SYSTEM, run.id)] == ["tidied up"]


def test_a_script_that_does_not_end_itself_is_ended(queue, pair, monkeypatch):
    monkeypatch.setattr(live_run, "HALT_GRACE_S", 0.05)
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")
    with waiting_pair() as (first, gateway):

        def start(_live):
            gateway.send_json({"t": "begun"})
            gateway.send_json({"t": "listens"})

        def time_out(dispatcher):
            for live in dispatcher._live.values():
                if live.listens:
                    live.end(RunState.TIMED_OUT, "took longer than 1 s")

        ended = dispatch_until_ended(queue, Pool(first), run.id, start, during=time_out)
        assert gateway.recv_json() == {"op": "halt"}
    assert (ended.state, ended.reason) == (RunState.TIMED_OUT, "took longer than 1 s")


def test_a_run_under_which_every_pair_dies_fails(queue, pair):
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")
    tries = []
    with contextlib.ExitStack() as stack:
        pairs = dict(stack.enter_context(waiting_pair()) for _ in range(4))

        def start(live):
            tries.append(live.tries)
            pairs[live.pair].close()

        ended = dispatch_until_ended(queue, Pool(*pairs), run.id, start)
    assert (ended.state, tries) == (RunState.FAILED, [1, 2, 3])


def test_a_run_that_gets_no_pair_fails(queue, monkeypatch):
    monkeypatch.setattr(dispatch, "_PAIR_WAIT_S", 0.0)
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")
    ended = dispatch_until_ended(queue, Pool(), run.id, refuse, during=lambda dispatcher: dispatcher.rung())
    assert (ended.state, ended.reason) == (RunState.FAILED, "its processes could not be started")


def test_a_run_that_waits_for_a_pair_can_be_cancelled(queue):
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")

    def cancel_once_claimed(dispatcher):
        if queue.get(SYSTEM, run.id).state == RunState.RUNNING:
            queue.request_cancel(SYSTEM, run.id)
        dispatcher.rung()

    ended = dispatch_until_ended(queue, Pool(), run.id, refuse, during=cancel_once_claimed)
    assert ended.state == RunState.CANCELLED


def test_an_end_that_the_database_refused_is_written_later(queue, pair, monkeypatch):
    monkeypatch.setattr(dispatch, "_POLL_S", 0.01)
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")
    turn = queue.turn
    refused = []

    def busy_at_the_first_end(*arguments, ends=(), **more):
        if ends and not refused:
            refused.extend(ends)
            raise DatabaseBusyError
        return turn(*arguments, ends=ends, **more)

    monkeypatch.setattr(queue, "turn", busy_at_the_first_end)
    ended = dispatch_until_ended(queue, Pool(pair), run.id, refuse)
    assert refused
    assert ended.state == RunState.FAILED


def test_a_run_waits_while_a_part_that_it_needs_is_down(queue, pair):
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")
    up, started = [], []

    def come_up_once_claimed(dispatcher):
        if queue.get(SYSTEM, run.id).state == RunState.RUNNING and not up:
            assert not started
            up.append(True)
            dispatcher.pairs_ready()

    def start(_live):
        started.append(bool(up))
        raise ProcessLookupError

    dispatch_until_ended(queue, Pool(pair), run.id, start, during=come_up_once_claimed, may_start=lambda: bool(up))
    assert started == [True]


def test_an_end_that_waits_for_the_database_is_not_taken_for_lost(queue, pair, monkeypatch):
    """As long as the lease and longer: it is renewed, and the end is told, before anybody looks for lost runs."""
    monkeypatch.setattr(dispatch, "_POLL_S", 0.01)
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")
    turn = queue.turn
    refused = []

    def away_at_the_first_end(*arguments, ends=(), **more):
        if ends and not refused:
            refused.extend(ends)
            with queue._db.write() as conn:
                conn.execute(text("UPDATE runs SET lease_until_ms = 1"))
            raise DatabaseBusyError
        return turn(*arguments, ends=ends, **more)

    monkeypatch.setattr(queue, "turn", away_at_the_first_end)
    ended = dispatch_until_ended(queue, Pool(pair), run.id, refuse)
    assert refused
    assert ended.state == RunState.FAILED


def test_nothing_is_claimed_while_held(queue, pair):
    run = queue.enqueue(SYSTEM, SITE, code="Log('x')")
    seen = []

    def hold_for_a_while(dispatcher):
        dispatcher.held = len(seen) < 20
        dispatcher.rung()
        seen.append(queue.get(SYSTEM, run.id).state)

    ended = dispatch_until_ended(queue, Pool(pair), run.id, refuse, during=hold_for_a_while)
    assert ended.state == RunState.FAILED
    assert set(seen[1:20]) == {RunState.QUEUED}
