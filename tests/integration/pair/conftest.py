"""A gateway and a runner, forked and confined here, with a keeper and a broker that answer from threads of the test."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nightdrop.core.wire import Channel, ChannelClosedError, channel_pair
from nightdrop.sandbox import prepare
from nightdrop.worker import gateway, runner
from nightdrop.worker.zygote import reachable

DEADLINE_S = 20


class Keeper(threading.Thread):
    """Answers the binary protocol of the keeper's run channel."""

    def __init__(self, sock: socket.socket, secrets: dict[str, bytes], refusals: dict[str, bytes]) -> None:
        super().__init__(daemon=True)
        self.channel = Channel(sock)
        self.secrets = secrets
        self.refusals = refusals
        self.asked: list[bytes] = []
        self.die_on: bytes | None = None

    def run(self) -> None:
        try:
            while True:
                request = bytes(self.channel.recv().payload)
                self.asked.append(request)
                if request == self.die_on:
                    return
                self.channel.send(self._answer(request))
        except (ChannelClosedError, OSError):
            return
        finally:
            self.channel.close()

    def _answer(self, request: bytes) -> bytes:
        verb, _, name = request.partition(b"\0")
        key = name.decode()
        if verb == b"has":
            return b"y" if key in self.secrets else b"n"
        if key in self.refusals:
            return self.refusals[key]
        return b"v" + self.secrets[key] if key in self.secrets else b"m"


class Broker(threading.Thread):
    """Connects to wherever it is asked to; the rules are tested elsewhere."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(daemon=True)
        self.channel = Channel(sock)
        self.asked: list[tuple[str, int]] = []
        self.die = False

    def run(self) -> None:
        try:
            while True:
                request = self.channel.recv_json()
                if self.die:
                    return
                self.asked.append((request["host"], request["port"]))
                self._connect(request)
        except (ChannelClosedError, OSError):
            return
        finally:
            self.channel.close()

    def _connect(self, request: dict[str, Any]) -> None:
        try:
            sock = socket.create_connection((request["host"], request["port"]), request["timeout"])
        except ConnectionRefusedError:
            self.channel.send_json({"ok": False, "code": "refused", "message": "The server refused the connection."})
            return
        with sock:
            sock.settimeout(None)
            address, port = sock.getpeername()[:2]
            self.channel.send_json({"ok": True, "address": address, "port": port}, [sock.fileno()])


@dataclass
class Finished:
    """What the worker saw of a run."""

    end: dict[str, Any] | None
    lines: list[tuple[int, str, str]] = field(default_factory=list)
    batches: int = 0
    statuses: dict[str, int] = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        return [line[2] for line in self.lines]

    @property
    def error(self) -> dict[str, Any]:
        assert self.end is not None
        return self.end["error"]


def fork(confine: Callable[[list[int]], None], main: Callable[[], None], keep: list[socket.socket]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            confine([sock.fileno() for sock in keep])
            main()
            os._exit(0)
        finally:
            os._exit(70)
    return pid


class Pair:
    """One run's processes and the worker's ends of their channels."""

    def __init__(self, files: Path, paths: Sequence[str] = ()) -> None:
        self.files = files
        self.paths = paths
        self.sandbox = prepare(files=str(files))
        self.secrets: dict[str, bytes] = {}
        self.refusals: dict[str, bytes] = {}
        worker_end, gateway_control = channel_pair()
        gateway_pipe, runner_pipe = channel_pair()
        self.pids = {
            "gateway": self.fork_gateway(gateway_control, gateway_pipe),
            "runner": fork(self.sandbox.confine_runner, lambda: runner.main(runner_pipe), [runner_pipe]),
        }
        for sock in (gateway_control, gateway_pipe, runner_pipe):
            sock.close()
        worker_end.settimeout(DEADLINE_S)
        self.control = Channel(worker_end)
        self.keeper: Keeper | None = None
        self.broker: Broker | None = None

    def fork_gateway(self, control: socket.socket, pipe: socket.socket) -> int:
        def confine(keep: list[int]) -> None:
            self.sandbox.confine_gateway(keep, reachable(self.paths))

        return fork(confine, lambda: gateway.main(control, pipe), [control, pipe])

    def start(self, code: str, **changes: Any) -> None:
        limits = {"memory": 64 << 20, "cpu": 10, "wall": 30, "log": 10 << 20, "body": 64 << 20} | changes.pop(
            "limits", {}
        )
        run = {
            "id": "run1",
            "site": "site1",
            "script": "test.js",
            "version": 1,
            "code": code,
            "params": {},
            "limits": limits,
            "files": str(self.files),
            "paths": [[path, None] for path in self.paths],
            "mail_secret": "",
        }
        keeper_end, keeper_peer = channel_pair()
        broker_end, broker_peer = channel_pair()
        self.keeper = Keeper(keeper_peer, self.secrets, self.refusals)
        self.broker = Broker(broker_peer)
        self.prepare()
        self.keeper.start()
        self.broker.start()
        with keeper_end, broker_end:
            self.control.send_json({"op": "start", "run": run | changes}, [keeper_end.fileno(), broker_end.fileno()])

    def prepare(self) -> None:
        """Change the stand-ins before they start."""

    def next_lines(self) -> list[Any]:
        """Return the next batch of log lines; the run must have been told to have begun before the first."""
        message = self.control.recv_json()
        if message == {"t": "begun"}:
            message = self.control.recv_json()
        assert message["t"] == "log", message
        return list(message["lines"])

    def finish(self) -> Finished:
        result = Finished(None)
        try:
            while result.end is None:
                message = self.control.recv_json()
                if message["t"] == "log":
                    result.lines += [tuple(line) for line in message["lines"]]
                    result.batches += 1
                elif message["t"] == "end":
                    result.end = message
        except ChannelClosedError:
            pass
        self.control.close()
        for role, pid in self.pids.items():
            result.statuses[role] = os.waitpid(pid, 0)[1]
        self.pids = {}
        return result

    def run(self, code: str, **changes: Any) -> Finished:
        self.start(code, **changes)
        return self.finish()

    def dispose(self) -> None:
        self.control.close()
        self.sandbox.close()
        for pid in self.pids.values():
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        for thread in (self.keeper, self.broker):
            if thread is not None:
                thread.join(DEADLINE_S)


@pytest.fixture
def make_pair(tmp_path: Path) -> Iterator[Callable[..., Pair]]:
    """Make a pair for the site's own directory and others, entries as the setting ``paths`` has them."""
    gateway.preload()
    runner.preload()
    made: list[Pair] = []

    def make(files: Path = tmp_path, paths: Sequence[str] = ()) -> Pair:
        made.append(Pair(files, paths))
        return made[-1]

    yield make
    for each in made:
        each.dispose()


@pytest.fixture
def pair(make_pair: Callable[..., Pair]) -> Pair:
    return make_pair()
