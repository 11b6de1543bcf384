"""The runner: the JavaScript engine and one pipe to its gateway, nothing else.

It is confined before ``main`` is called: after that not one file can be opened, so nothing is imported late.
"""

import json
import os
import socket
from typing import Any

from nightdrop.core.wire import ChannelClosedError, FrameTooLargeError
from nightdrop.syncjs.engine import Engine, Failure
from nightdrop.syncjs.pipe import Pipe

# The gateway does not answer these, so a script that logs much does not wait for each line.
NOTICES = frozenset({"log"})

_DONE = b'{"done":true}'
_prepared: list[Engine] = []


def preload() -> None:
    """Build the engine before the fork, so that each run starts from a copy of it."""
    if not _prepared:
        _prepared.append(Engine())


class _Host:
    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def __call__(self, op: str, arguments: str) -> str:
        try:
            if op == "exit":
                # Leaving the process here is the one way to stop that no `finally` of the script can catch.
                self._pipe.send(_DONE)
                os._exit(0)
            self._pipe.send(b'{"c":"', op.encode(), b'","a":', arguments.encode(), b"}")
            return "" if op in NOTICES else self._pipe.recv().decode()
        except FrameTooLargeError:
            return '{"e":{"name":"RangeError","message":"the data is too large to leave the script"}}'
        except ChannelClosedError:
            os._exit(1)


def _report(failure: Failure | None) -> bytes:
    if failure is None:
        return _DONE
    error: dict[str, Any] = {slot: getattr(failure, slot) for slot in Failure.__slots__}
    return json.dumps({"err": error}).encode()


def _run(engine: Engine, run: dict[str, Any]) -> Failure | None:
    try:
        return engine.run(run["code"], name=run["name"], params=run["params"], memory=run["memory"])
    except MemoryError:
        return Failure("memory", "InternalError", "out of memory")


def main(sock: socket.socket) -> None:
    """Wait for the run, run it, report it."""
    pipe = Pipe(sock)
    preload()
    engine = _prepared.pop()
    engine.host = _Host(pipe)
    try:
        run = json.loads(pipe.recv())["run"]
        pipe.send(_report(_run(engine, run)))
    except ChannelClosedError:
        os._exit(1)
