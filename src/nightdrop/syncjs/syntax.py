"""Finds errors of syntax with the engine that runs scripts, without running any: ``python -m nightdrop.syncjs.syntax``.

Whoever checks a script need not have written it, so each is read in a process confined as a runner is.

Standard input is a JSON array of codes, standard output one of answers: an error, ``null`` for none, or ``false`` where
it was not read, as this host has no sandbox.
"""

import json
import os
import resource
import sys
from typing import Any, NoReturn

from nightdrop.sandbox import NoSandboxError, Prepared, prepare
from nightdrop.syncjs.engine import Engine

_MEMORY = 256 * 1024 * 1024
_CPU_S = 10
_TOO_LONG = {"line": 0, "column": 0, "message": "it is too large to be read"}


def check(code: str) -> dict[str, Any] | None:
    """Return the first error of syntax: line and column, from 1, and a message; ``None`` when there is none."""
    failure = Engine().check(code, memory=_MEMORY)
    if failure is None:
        return None
    return {"line": failure.line, "column": failure.column, "message": f"{failure.name}: {failure.message}"}


def _check_confined(prepared: Prepared, code: str) -> Any:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(prepared, code, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return _TOO_LONG
    # A sandbox that could not be entered says nothing of the script.
    return json.loads(answer) if status == 0 else False


def _child(prepared: Prepared, code: str, writing: int) -> NoReturn:
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
        prepared.confine_runner([writing])
        os.write(writing, json.dumps(check(code)).encode())
        os._exit(0)
    finally:
        os._exit(1)


def main() -> None:
    """Check what standard input says."""
    codes = json.load(sys.stdin)
    try:
        prepared = prepare()
    except NoSandboxError:
        answers: list[Any] = [False] * len(codes)
    else:
        answers = [_check_confined(prepared, code) for code in codes]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
