"""After a release, and after sealing anew, no copy of the value is left in the keeper's memory.

The keeper's own process cannot be looked into, so its loop runs here in a child that is not hardened.
"""

import base64
import os
import re
import secrets
import subprocess
import sys
from contextlib import contextmanager

import pytest

from nightdrop.core.wire import Channel, channel_pair

CHILD = """
import socket, sys
from pathlib import Path
from nightdrop.core.clock import SystemClock
from nightdrop.core.home import open_home
from nightdrop.keys.custody_file import FileCustody
from nightdrop.worker.keeper import channel, release, rotation
from nightdrop.worker.keeper.keeper import Keeper
from nightdrop.worker.keeper.store import KeeperStore
from nightdrop.worker.keeper.sealed_rows import SqliteSealedRows
from nightdrop.worker.keeper.loop import Loop

fd, root, node_key, keep = sys.argv[1:]
if keep == "keep":
    kept = []
    channel.wipe = rotation.wipe = kept.append
home = open_home(Path(root))
keeper = Keeper(lambda: KeeperStore(home.keeper_db, SystemClock()), SqliteSealedRows(home.app_db), FileCustody(Path(node_key)), SystemClock())
Loop(keeper, socket.socket(fileno=int(fd))).run()
"""


def occurrences(pid: int, needle: bytes) -> int:
    """Count a needle in everything that a process can write to."""
    found = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:  # noqa: PTH123 - unbuffered
        for line in maps:
            span = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if span is None:
                continue
            start, end = int(span[1], 16), int(span[2], 16)
            try:
                found += os.pread(memory.fileno(), end - start, start).count(needle)
            except OSError:
                continue  # a special mapping that cannot be read
    return found


@contextmanager
def looked_into(installation, keep):
    """Run a keeper that can be looked into; give its control channel and its pid."""
    control, theirs = channel_pair()
    control.settimeout(30)
    arguments = [str(theirs.fileno()), str(installation.home.root), str(installation.node_key), keep]
    with theirs:
        process = subprocess.Popen([sys.executable, "-I", "-c", CHILD, *arguments], pass_fds=[theirs.fileno()])
    worker = Channel(control)
    try:
        yield worker, process.pid
    finally:
        worker.close()
        process.wait(30)


def needle_and_value(size):
    needle = secrets.token_hex(16).encode()
    return needle, (needle * (size // len(needle) + 1))[:size]


@pytest.mark.parametrize("size", [48, 5_000, 300_000])
@pytest.mark.parametrize("keep", ["keep", "wipe"])
def test_no_copy_of_a_released_value_is_left(installation, size, keep):
    needle, value = needle_and_value(size)
    installation.put(installation.site_a, "key", value)
    run, theirs = channel_pair()
    run.settimeout(30)
    gateway = Channel(run)
    with looked_into(installation, keep) as (worker, pid):
        with theirs:
            about = {"run": "run_1", "site": installation.site_a, "script": None}
            worker.send_json({"id": 1, "op": "open_run", **about}, [theirs.fileno()])
        assert worker.recv_json()["ok"]
        gateway.send(b"get\0key")
        assert gateway.recv().payload == b"v" + value
        # The answer is here before the keeper has wiped it; after a second round trip it has.
        gateway.send(b"has\0key")
        assert gateway.recv().payload == b"y"
        assert (occurrences(pid, needle) > 0) == (keep == "keep")
        gateway.close()


@pytest.mark.parametrize("size", [48, 5_000, 300_000])
@pytest.mark.parametrize("keep", ["keep", "wipe"])
def test_no_copy_of_a_value_that_was_sealed_anew_is_left(installation, size, keep):
    needle, value = needle_and_value(size)
    sealed = installation.put(installation.site_a, "key", value)
    form = {"name": "key", "revision": 1, "epoch": 1, "sealed": base64.b64encode(sealed).decode()}
    with looked_into(installation, keep) as (worker, pid):
        about = {"site": installation.site_a, "epoch": 2}
        worker.send_json({"id": 1, "op": "reseal", "secrets": [form], **about})
        (result,) = worker.recv_json()["results"]
        assert len(base64.b64decode(result["sealed"])) == len(sealed)
        assert (occurrences(pid, needle) > 0) == (keep == "keep")
