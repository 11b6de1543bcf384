"""The pool: it asks only when there is somebody to make a pair, and hands out none of which half is dead."""

import json
import os
import signal
import subprocess

import pytest

from nightdrop.core.wire import Frame
from nightdrop.worker.pairs import PairPool


class Zygote:
    """Takes requests while it is up."""

    def __init__(self, *, up=True):
        self.channel = object() if up else None
        self.asked = []
        self.messages = []

    def send(self, message, fds=()):
        if self.channel is not None:
            self.asked.append(message["pair"])
            self.messages.append(message)


@pytest.fixture
def processes():
    """Starts processes that only wait."""
    started = []

    def start():
        started.append(subprocess.Popen(["cat"], stdin=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.stdin.close()
        process.wait()


@pytest.fixture
def zygotes():
    return {"gateway": Zygote(), "runner": Zygote()}


@pytest.fixture
def ready():
    return []


@pytest.fixture
def pool(zygotes, ready):
    pool = PairPool(zygotes, 2, lambda: ready.append(True))
    yield pool
    pool.close()


def frame(message, *fds):
    return Frame(bytearray(json.dumps(message).encode()), list(fds))


def fork(pool, role, number, process):
    pool.message(role, frame({"pair": number}, os.pidfd_open(process.pid)))


def exit_of(pool, role, number):
    pool.message(role, frame({"exit": {"pair": number, "status": 9}}))


@pytest.mark.parametrize("down", ["gateway", "runner"])
def test_nothing_is_asked_while_a_zygote_is_down(zygotes, pool, down):
    zygotes[down].channel = None
    pool.refill([()])
    assert zygotes["gateway"].asked == zygotes["runner"].asked == []
    zygotes[down].channel = object()
    pool.refill()
    assert zygotes["gateway"].asked == zygotes["runner"].asked == [1, 2]


def test_a_pair_is_ready_when_both_halves_are(pool, ready, processes):
    pool.refill()
    fork(pool, "runner", 1, processes())
    assert pool.take() is None
    fork(pool, "gateway", 1, processes())
    assert ready == [True]
    pair = pool.take()
    assert pair.complete
    pool.forget(pair)


@pytest.mark.parametrize("role", ["gateway", "runner"])
def test_a_half_that_dies_before_its_run_takes_the_other_with_it(pool, zygotes, processes, role):
    pool.refill()
    halves = {"gateway": processes(), "runner": processes()}
    for name, process in halves.items():
        fork(pool, name, 1, process)
    exit_of(pool, role, 1)
    assert pool.take() is None
    assert all(process.wait() == -signal.SIGKILL for process in halves.values())
    assert zygotes["gateway"].asked == zygotes["runner"].asked == [1, 2, 3]


def test_a_half_that_dies_while_the_other_is_made_is_made_again(pool, zygotes, processes):
    pool.refill()
    fork(pool, "runner", 1, processes())
    exit_of(pool, "runner", 1)
    fork(pool, "gateway", 1, processes())
    assert pool.take() is None
    assert zygotes["gateway"].asked == [1, 2, 3]


def test_when_a_zygote_dies_nothing_of_it_is_handed_out(pool, zygotes, processes):
    pool.refill()
    orphan = processes()
    fork(pool, "gateway", 1, orphan)
    fork(pool, "runner", 1, processes())
    fork(pool, "gateway", 2, processes())
    zygotes["runner"].channel = None
    pool.zygote_gone()
    assert pool.take() is None
    assert orphan.wait() == -signal.SIGKILL
    zygotes["runner"].channel = object()
    pool.refill()
    assert zygotes["runner"].asked == [1, 2, 3, 4]


PATHS = ("/srv/in:ro", "/srv/out")


def forked(pool, number, processes):
    for role in ("gateway", "runner"):
        fork(pool, role, number, processes())


def test_a_pair_that_reaches_more_is_made_for_a_run_that_wants_it(pool, zygotes, processes):
    pool.refill([PATHS, PATHS])
    assert [message.get("paths", ()) for message in zygotes["gateway"].messages] == [PATHS, PATHS, (), ()]
    assert all("paths" not in message for message in zygotes["runner"].messages)
    # Asked again while they are made, it asks for no more.
    pool.refill([PATHS, PATHS])
    assert len(zygotes["gateway"].asked) == 4
    forked(pool, 1, processes)
    assert pool.take() is None
    assert pool.take(("/srv/out",)) is None
    pair = pool.take(PATHS)
    assert pair.paths == PATHS
    pool.forget(pair)


def test_a_pair_that_reaches_more_is_dropped_when_nobody_wants_it_any_more(pool, zygotes, processes):
    pool.refill([PATHS])
    processes_of_it = [processes(), processes()]
    for role, process in zip(("gateway", "runner"), processes_of_it, strict=True):
        fork(pool, role, 1, process)
    pool.refill()
    assert pool.take(PATHS) is None
    assert all(process.wait() == -signal.SIGKILL for process in processes_of_it)
    forked(pool, 2, processes)
    assert pool.take().paths == ()
