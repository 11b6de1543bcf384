"""The JavaScript engine of a runner: one native function, strings only, JSON both ways.

What the binding cannot do safely is kept from it (quickjs-ng 0.17): a host function that raises corrupts
the interpreter's error state, numbers above 2**31 and texts with NUL are damaged on the way, lazily joined
strings are refused, and a time limit forbids host calls. So the host function never raises, everything is
JSON text, and time is limited from outside the process.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import _quickjs

from nightdrop.syncjs.prelude import FIRST_LINE, prelude

HostFunction = Callable[[str, str], str]

STACK_BYTES = 512 * 1024
# What the gateway shows, and one more: so it knows that a text goes on, and that a value may be cut at its end.
MAX_MESSAGE = 16 * 1024 + 1
MAX_NAME = 200 + 1
MAX_STACK_LINES = 20

_PRELUDE = prelude()
# The engine reads all of a script before it runs any of it, and this runs first.
_STOP = "throw __stop;"
_FRAME = re.compile(r"^\s*at (?:(?P<function>.{0,200}?) \()?<input>:(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?\)?$")
_HOST_FAILED = '{"e":{"name":"Error","message":"the host could not answer"}}'
_OUT_OF_MEMORY = "out of memory"


@dataclass(frozen=True, slots=True)
class Failure:
    """How a script ended when it did not end well; line and column count from 1, 0 means unknown."""

    kind: str
    name: str
    message: str
    line: int = 0
    column: int = 0
    stack: str = ""


class Engine:
    """One JavaScript context with the script API, for one script.

    Make it before the fork, set ``host`` and run after it; both in the same thread.
    """

    def __init__(self, host: HostFunction | None = None) -> None:
        self.host = host
        self._limit = 0
        self._context = _quickjs.Context()
        self._context.set_max_stack_size(STACK_BYTES)
        self._context.add_callable("__host", self._call)
        self._entry = self._context.eval(_PRELUDE)

    def _call(self, op: str, arguments: str) -> str:
        try:
            assert self.host is not None
            return self.host(op, arguments)
        except BaseException:  # noqa: BLE001 - an exception here would corrupt the engine
            return _HOST_FAILED

    def run(self, code: str, *, name: str, params: dict[str, Any], memory: int) -> Failure | None:
        """Run a script to its end, jobs included; ``memory`` limits the script's heap in bytes."""
        self._limit = memory
        self._context.set_memory_limit(memory)
        message = json.dumps({"code": code, "params": params})
        failure = self._enter("run", message, code=code, name=name)
        if failure is None:
            failure = self._drain_jobs() or self._enter("settled", "", code=code, name=name)
        return failure

    def check(self, code: str, *, memory: int) -> Failure | None:
        """Read a script without running it; ``memory`` limits the heap in bytes."""
        self._limit = memory
        self._context.set_memory_limit(memory)
        failure = self._enter("check", _STOP + code, code=code, name="script")
        if failure is None or failure.line != 1:
            return failure
        return replace(failure, column=max(1, failure.column - len(_STOP)))

    def _drain_jobs(self) -> Failure | None:
        try:
            while self._context.execute_pending_job():
                pass
        except _quickjs.JSException:
            return Failure("memory", "InternalError", _OUT_OF_MEMORY)
        return None

    def _enter(self, command: str, message: str, *, code: str, name: str) -> Failure | None:
        try:
            answer = self._entry(command, message)
        except _quickjs.JSException as error:
            return self._undescribed(str(error), code)
        if not answer:
            return None
        return self._described(json.loads(answer), code, name)

    def _described(self, error: dict[str, Any], code: str, name: str) -> Failure:
        message = str(error["message"])[:MAX_MESSAGE]
        if not error["error"]:
            if error["isNull"] and self._looks_exhausted(code):
                return Failure("memory", "InternalError", _OUT_OF_MEMORY)
            return Failure("script", "Error", f"the script threw {message}")
        frames = _user_frames(error["stack"])
        line, column = (frames[0][1], frames[0][2]) if frames else (0, 0)
        stack = "\n".join(_render(frame, name) for frame in frames[:MAX_STACK_LINES])
        kind = str(error["name"])[:MAX_NAME]
        if message == _OUT_OF_MEMORY and kind == "InternalError":
            return Failure("memory", kind, _OUT_OF_MEMORY, line, column, stack)
        if message == "Maximum call stack size exceeded":
            message = f"too much recursion ({message})"
        return Failure("script", kind, message, line, column, stack)

    def _undescribed(self, text: str, code: str) -> Failure:
        first = text.split("\n", 1)[0]
        if _OUT_OF_MEMORY in first or (first == "null" and self._looks_exhausted(code)):
            return Failure("memory", "InternalError", _OUT_OF_MEMORY)
        return Failure("script", "Error", "the script threw something that cannot be shown")

    def _looks_exhausted(self, code: str) -> bool:
        # With no memory left for an Error object the engine throws null; a script's own `throw null` looks the same.
        return bool(self._context.memory()["malloc_size"] > self._limit // 2 or not re.search(r"\bthrow\b", code))


def _user_frames(stack: str) -> list[tuple[str, int, int]]:
    frames = []
    for text in stack[: 256 * 1024].split("\n"):
        match = _FRAME.match(text)
        if match and int(match["line"]) < FIRST_LINE:
            frames.append((match["function"] or "", int(match["line"]), int(match["column"] or 0)))
    # A first frame without a name is a place in text that was being parsed. It is the script itself only if nothing of
    # the script is on the stack; otherwise it is what the script gave to JSON.parse or eval.
    return frames[1:] if len(frames) > 1 and not frames[0][0] else frames


def _render(frame: tuple[str, int, int], name: str) -> str:
    function, line, column = frame
    place = f"{name}:{line}:{column}"
    return f"at {place}" if function in {"", "<eval>", "<anonymous>"} else f"at {function} ({place})"
