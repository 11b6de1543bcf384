"""Hardening and limits, each with the same thing done without them as the control."""

import os
import select
import signal
import socket
import threading
from pathlib import Path

import pytest

from nightdrop import sandbox

MIB = 1024 * 1024


def must_be(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError


@pytest.mark.parametrize("kind", ["runner", "gateway"])
def test_a_large_allocation_ends_in_a_memory_error(in_child, kind):
    prepared = sandbox.prepare()

    def allocate_with(memory: int) -> str:
        ours, theirs = socket.socketpair()

        def limit() -> None:
            pid = int(ours.recv(32))
            sandbox.limit_process(pid, memory=memory, cpu=10)
            ours.send(b"go")

        def allocate() -> None:
            theirs.send(str(os.getpid()).encode())
            theirs.recv(2)
            must_be(len(bytearray(600 * MIB)), 600 * MIB)

        worker = threading.Thread(target=limit)

        def fork_then_limit() -> int:
            pid = os.fork()
            if pid:
                worker.start()
            return pid

        def enter(keep: list[int]) -> None:
            getattr(prepared, f"confine_{kind}")([*keep, theirs.fileno()])

        with ours, theirs:
            found = in_child(allocate, enter=enter, fork=fork_then_limit)
            worker.join()
        return found

    assert allocate_with(128 * MIB) == "MemoryError"
    assert allocate_with(1024 * MIB) == "ok"


def test_processor_time_ends_in_a_signal(in_child):
    def spin() -> None:
        sandbox.limit_process(os.getpid(), memory=1024 * MIB, cpu=0.1)
        while True:
            pass

    found = in_child(spin, enter=lambda _: None, fork=os.fork)
    assert found == "SIGXCPU"


def effective_capabilities() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1], 16) for line in lines if line.startswith(("CapEff", "CapPrm", "CapInh", "CapAmb")))


def test_dropped_capabilities_are_gone(in_child):
    def drop() -> None:
        must_be(effective_capabilities() > 0, True)
        sandbox.drop_capabilities()
        must_be(effective_capabilities(), 0)

    # a new user namespace gives all of them, whoever runs the tests
    assert in_child(drop, enter=lambda _: None, fork=sandbox.clone_into_namespaces) == "ok"


def test_only_kept_descriptors_stay_open(in_child):
    reader, writer = os.pipe()

    def look() -> None:
        os.fstat(writer)
        os.fstat(reader)

    def close_all_but(kept: list[int]) -> None:
        sandbox.close_other_fds([*kept, writer])

    assert in_child(look, enter=close_all_but, fork=os.fork) == "EBADF"
    assert in_child(look, enter=lambda _: None, fork=os.fork) == "ok"
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("kind", ["runner", "gateway"])
def test_standard_descriptors_that_are_not_kept_are_the_null_device(in_child, kind):
    def read_and_write() -> None:
        must_be(os.read(0, 1), b"")
        must_be((os.write(1, b"lost"), os.write(2, b"lost")), (4, 4))

    assert in_child(read_and_write, enter=getattr(sandbox.prepare(), f"confine_{kind}"), fork=os.fork) == "ok"


def test_hardening_without_the_expected_parent_ends_the_process(in_child):
    assert in_child(lambda: sandbox.harden(parent=os.getppid()), enter=lambda _: None, fork=os.fork) == "ok"
    assert in_child(lambda: sandbox.harden(parent=2**22 + 1), enter=lambda _: None, fork=os.fork) == "SIGKILL"


def test_a_hardened_process_dies_with_its_parent():
    alive, held_by_child = os.pipe()
    parent = os.fork()
    if parent == 0:
        expected = os.getpid()
        if os.fork() == 0:
            sandbox.harden(parent=expected)
            os.write(held_by_child, b"r")
            while True:
                signal.pause()
        os.close(held_by_child)
        os.read(alive, 1)
        os._exit(0)
    os.close(held_by_child)
    os.waitpid(parent, 0)
    # the grandchild holds the last writing end: the end of the stream is its death
    assert select.select([alive], [], [], 20)[0]
    assert os.read(alive, 1) == b""
    os.close(alive)
