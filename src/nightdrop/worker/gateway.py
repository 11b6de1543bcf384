"""The gateway: the host of one run. It serves the calls of the runner, which it does not trust.

Confined before ``main`` is called; it narrows itself to the site's directory once it knows the site.
"""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nightdrop.core.clock import SystemClock
from nightdrop.core.script_text import required_secrets
from nightdrop.core.wire import Channel, ChannelClosedError, FrameTooLargeError
from nightdrop.sandbox.landlock import Rule, restrict_files
from nightdrop.syncjs import http
from nightdrop.syncjs.couriercalls import MAX_ANSWER, CourierCalls, CourierGoneError
from nightdrop.syncjs.files import Files, Roots, zips
from nightdrop.syncjs.files.service import LONG_STEPS, STEPS, CallRefusedError, FileService, uuid4
from nightdrop.syncjs.http import HttpService
from nightdrop.syncjs.masking import Masker
from nightdrop.syncjs.net import BrokerConnector, BrokerGoneError
from nightdrop.syncjs.pipe import Pipe
from nightdrop.syncjs.remotecalls import NoCallError, RemoteCalls
from nightdrop.syncjs.runlog import LEVELS, Line, RunLog, visible
from nightdrop.syncjs.secretcalls import KeeperGoneError, SecretCalls
from nightdrop.syncjs.watchers import Watchers, WatchRefusedError
from nightdrop.worker.hooksign import is_signed, signing_secret
from nightdrop.worker.waiting import Deadline, Waiting, WorkerGoneError

MAX_RUNNER_FRAME = 80 * 1024 * 1024
MAX_TEXT = 16 * 1024
MAX_ERROR_NAME = 200
# Of what a webhook is answered with.
_MAX_ANSWER = 128 * 1024
_FAILURE_KINDS = frozenset({"script", "memory", "limit"})

# json.dumps would build an encoder for each answer.
_encode = json.JSONEncoder(ensure_ascii=False).encode
_encode_ascii = json.JSONEncoder().encode

Narrow = Callable[[list[Rule]], None]


def preload() -> None:
    """Load what a run may need: afterwards no file of the system can be opened."""
    http.preload()
    zips.preload()


class RunnerMisbehavedError(Exception):
    """The runner sent what no script can make it send; the run is over."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the run ended."""

    state: str
    error: dict[str, Any] | None = None


def failed(kind: str, message: str) -> Outcome:
    """Return the outcome of a run that ended for a reason outside of the script."""
    return Outcome("failed", {"kind": kind, "message": message, "line": 0, "column": 0, "stack": ""})


class Gateway:
    """Serves one run from its start to its end."""

    def __init__(
        self, control: Channel, pipe: Pipe, run: dict[str, Any], keeper: Channel, broker: Channel, files: Files
    ) -> None:
        self._control = control
        self._pipe = pipe
        self._run = run
        self._masker = Masker()
        limits = run["limits"]
        self._log = RunLog(self._masker, SystemClock(), self._send_lines, limits["log"])
        self._secrets = SecretCalls(keeper, self._masker, self._log.write)
        self._remotes = RemoteCalls(self._courier, self._log.write)
        self._broker = broker
        self._files = files
        self._responded = False
        self._listens = False
        self._waiting = Waiting(control, pipe, self._log)

    @cached_property
    def _http(self) -> HttpService:
        # Made when the script asks for it: most of a short run's time would go into it.
        return HttpService(
            BrokerConnector(self._broker),
            body_limit=self._run["limits"]["body"],
            log=self._log.write,
            files=self._files,
            secret=self._secrets.value,
        )

    @property
    def _moved(self) -> int:
        """Bytes of files and of HTTP bodies, in both directions."""
        # A run that made no request has no client to ask.
        over_http = self._http.moved if "_http" in self.__dict__ else 0
        return over_http + self._remotes.moved

    @cached_property
    def _file_service(self) -> FileService:
        return FileService(
            self._files, limit=self._run["limits"]["body"], log=self._log.write, mask=self._masker.mask_cut
        )

    @cached_property
    def _watchers(self) -> Watchers:
        return Watchers(self._files, self._log.write, self._masker.mask_cut)

    def _courier(self) -> CourierCalls:
        self._control.send_json({"t": "courier"})
        return CourierCalls(
            Channel.from_fd(self._waiting.courier(), MAX_ANSWER),
            log=self._log.write,
            secret=self._secrets.value,
            pause=self._waiting.for_channel,
            mail_secret=self._run["mail_secret"],
        )

    def serve(self) -> None:
        """Send the script to the runner, serve it, report the end.

        Raises:
            ChannelClosedError: the worker is gone.
        """
        outcome = self._outcome()
        self._log.finish()
        self._control.send_json(
            {
                "t": "end",
                "state": outcome.state,
                "error": self._masked(outcome.error),
                "secrets": sorted(self._secrets.used),
                "moved": self._moved,
            }
        )

    def _outcome(self) -> Outcome:
        try:
            return self._refusal() or self._run_script()
        except KeeperGoneError:
            return failed("keeper", "the process that opens secrets is gone; the run was stopped")
        except BrokerGoneError:
            return failed("broker", "the process that makes connections is gone; the run was stopped")
        except CourierGoneError:
            return failed("courier", "the process that talks to remote hosts is gone; the run was stopped")
        except RunnerMisbehavedError:
            return failed("internal", "the script's process sent something that is not a call; the run was stopped")
        except (WorkerGoneError, ChannelClosedError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever broke, the run must end in a true state
            # Only the type: the text of an unknown exception may hold a value.
            return failed("internal", f"nightdrop failed while it served the script ({type(error).__name__})")

    def _refusal(self) -> Outcome | None:
        """Return how a run ends at once, before anything of it has happened: it lacks what it needs."""
        # Here, and not where the request comes in: that process must not have the secret.
        secret = signing_secret(self._run["params"])
        if secret is not None and not is_signed(self._run["params"], self._secrets.value(secret)):
            return failed("signature", "the request is not signed as the webhook wants it; nothing was run")
        missing = [name for name in required_secrets(self._run["code"]) if not self._secrets.has(name)]
        if not missing:
            return None
        return failed("requires", f"the script requires secrets that the site does not have: {', '.join(missing)}")

    def _run_script(self) -> Outcome:
        self._start_runner()
        return self._converse()

    def _start_runner(self) -> None:
        run = {
            "name": self._run["script"] or "script",
            "code": self._run["code"],
            "params": self._run["params"],
            "memory": self._run["limits"]["memory"],
        }
        try:
            self._pipe.send(json.dumps({"run": run}).encode())
        except ChannelClosedError:
            return
        # Before the first call is served: whatever the script does to the world goes through a call, so a run whose
        # pair died without this line has done nothing, and the worker may give it to another pair.
        self._control.send_json({"t": "begun"})

    def _converse(self) -> Outcome:
        try:
            while True:
                message = _parse(self._receive())
                if "c" not in message:
                    return self._outcome_of(message)
                self._answer(self._call(message))
        except ChannelClosedError:
            # The worker knows from the exit status whether it was a limit, a kill or a crash.
            return failed("internal", "the script's process ended without a result")
        except FrameTooLargeError:
            raise RunnerMisbehavedError from None

    def _answer(self, answer: bytes | None) -> None:
        if answer is None:
            return
        if len(answer) > MAX_RUNNER_FRAME:
            self._log.write("error", "the data is too large to be handed to the script")
            answer = _value(None)
        self._pipe.send(answer)

    def _receive(self) -> bytearray:
        while (payload := self._pipe.buffered()) is None:
            if self._waiting.for_runner(self._log.due_ms()):
                self._pipe.fill()
            else:
                self._log.flush()
        return payload

    def _call(self, message: dict[str, Any]) -> bytes | None:
        name, arguments = message["c"], message.get("a")
        operation, arity = OPERATIONS.get(name, (None, 0)) if isinstance(name, str) else (None, 0)
        if operation is None or not isinstance(arguments, list) or len(arguments) != arity:
            raise RunnerMisbehavedError
        try:
            return operation(self, *arguments)
        except (NoCallError, WatchRefusedError):
            raise RunnerMisbehavedError from None

    def secret_get(self, name: object, caller: object) -> bytes:
        return self._secrets.get(name, caller).encode()

    def secret_has(self, name: object) -> bytes:
        return _value(self._secrets.has(name))

    def write_log(self, level: object, text: object) -> None:
        if not isinstance(text, str) or not isinstance(level, str) or level not in LEVELS:
            raise RunnerMisbehavedError
        self._log.write(level, text)

    def sleep(self, ms: object) -> bytes:
        self._wait(ms, [], until_halt=False)
        return _value(None)

    def wait(self, ms: object, numbers: object, until_halt: object) -> bytes:
        if not isinstance(numbers, list) or not isinstance(until_halt, bool):
            raise RunnerMisbehavedError
        if until_halt:
            self._listen()
        return _ascii(self._wait(ms, numbers, until_halt=until_halt))

    def _wait(self, ms: object, numbers: list[Any], *, until_halt: bool) -> dict[str, Any]:
        """Let time pass until a watcher has something to tell, or the run is to end if that counts."""
        if isinstance(ms, bool) or not isinstance(ms, int | float) or not ms >= 0:
            raise RunnerMisbehavedError
        deadline = Deadline(min(ms, self._run["limits"]["wall"] * 1000 + 1000))
        while True:
            events = self._watchers.look(numbers) if numbers else []
            left = deadline.left_s
            halt = until_halt and self._waiting.halted
            over = halt or left == 0
            pause = self._watchers.pause_s(numbers) if numbers else left
            if events or over or self._waiting.pause(min(left, pause)):
                return {"halt": halt, "over": over, "left": left * 1000, "events": events}

    def halted(self) -> bytes:
        self._listen()
        # What the worker has said lies unread while the script is at work.
        self._waiting.for_runner(0)
        return _value(self._waiting.halted)

    def _listen(self) -> None:
        """Tell the worker that this run wants to hear when it is to end."""
        if not self._listens:
            self._listens = True
            self._control.send_json({"t": "listens"})

    def watch_start(self, number: object, spec: object) -> bytes:
        return _value(self._watchers.start(number, spec))

    def watch_events(self, number: object) -> bytes:
        told = self._watchers.look([number])
        return _ascii(told[0][1] if told else [])

    def watch_stop(self, number: object) -> bytes:
        return _value(self._watchers.stop(number))

    def respond(self, status: object, body: object, is_json: object) -> bytes:
        if not isinstance(body, str) or not isinstance(is_json, bool):
            raise RunnerMisbehavedError
        problem = self._no_answer(status, body)
        if problem is not None:
            self._log.write("warn", f"Respond: {problem}")
            return _value(False)
        self._responded = True
        # Masked like the log, as it is stored on its way.
        self._control.send_json({"t": "answer", "status": status, "body": self._masker.mask(body), "json": is_json})
        return _value(True)

    def _no_answer(self, status: object, body: str) -> str | None:
        if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
            return "the status must be a number from 200 to 599"
        if len(body.encode(errors="replace")) > _MAX_ANSWER:
            return f"the body may have {_MAX_ANSWER // 1024} KiB"
        request = self._run["params"].get("Request")
        if not (isinstance(request, dict) and request.get("Waits")):
            return "nobody waits for an answer"
        return "the answer is given already" if self._responded else None

    def http_request(self, spec: object) -> bytes:
        if not isinstance(spec, dict):
            raise RunnerMisbehavedError
        self._log.flush()
        return _value(self._http.request(spec))

    def http_text(self, number: object) -> bytes:
        return _value(self._http.body_text(_number(number)))

    def http_bytes(self, number: object) -> bytes:
        return _value(self._http.body_b64(_number(number)))

    def http_save(self, number: object, path: object) -> bytes:
        if not isinstance(path, str):
            raise RunnerMisbehavedError
        return _value(self._http.save(_number(number), path))

    def remote_connect(self, client: object, kind: object, fields: object, options: object) -> bytes:
        return _value(self._remotes.connect(client, kind, fields, options))

    def remote_configure(self, kind: object, url: object, payload: object) -> bytes:
        return _value(self._remotes.configure(kind, url, payload))

    def remote_call(self, client: object, method: object, arguments: object, options: object) -> bytes:
        return _value(self._remotes.call(client, method, arguments, options))

    def mail_send(self, message: object) -> bytes:
        return _value(self._remotes.mail(message))

    def file_step(self, step: str, *arguments: object) -> bytes:
        if step in LONG_STEPS:
            self._log.flush()
        try:
            answer = self._file_service.call(step, list(arguments))
        except CallRefusedError:
            raise RunnerMisbehavedError from None
        return _ascii(answer) if step == "ListDir" else _value(answer)

    def uuid(self) -> bytes:
        return _value(uuid4())

    def _send_lines(self, lines: list[Line]) -> None:
        self._control.send_json({"t": "log", "lines": lines})

    def _masked(self, error: dict[str, Any] | None) -> dict[str, Any] | None:
        if error is None:
            return None
        return {key: self._clean(value) if isinstance(value, str) else value for key, value in error.items()}

    def _clean(self, text: str) -> str:
        return visible(self._masker.mask(text))

    def _outcome_of(self, message: dict[str, Any]) -> Outcome:
        if message.get("done") is True:
            return Outcome("succeeded")
        error = message.get("err")
        if not isinstance(error, dict) or error.get("kind") not in _FAILURE_KINDS:
            raise RunnerMisbehavedError
        name, text = self._text(error, "name", MAX_ERROR_NAME), self._text(error, "message")
        plain = error["kind"] != "script" or name in {"", "Error"}
        return Outcome(
            "failed",
            {
                "kind": error["kind"],
                "message": text if plain else f"{name}: {text}",
                "line": _number(error.get("line")),
                "column": _number(error.get("column")),
                "stack": self._text(error, "stack"),
            },
        )

    def _text(self, error: dict[str, Any], slot: str, limit: int = MAX_TEXT) -> str:
        value = error.get(slot)
        if not isinstance(value, str):
            raise RunnerMisbehavedError
        # Masked before it is cut: of a value that the cut goes through, the mask would not know the rest.
        return self._masker.mask_cut(value, limit)


def _file_operation(step: str) -> Callable[..., bytes]:
    return lambda gateway, *arguments: gateway.file_step(step, *arguments)


# What a runner may ask for, and with how many arguments.
OPERATIONS: dict[str, tuple[Callable[..., bytes | None], int]] = {
    "secret.get": (Gateway.secret_get, 2),
    "secret.has": (Gateway.secret_has, 1),
    "log": (Gateway.write_log, 2),
    "sleep": (Gateway.sleep, 1),
    "wait": (Gateway.wait, 3),
    "halted": (Gateway.halted, 0),
    "watch.start": (Gateway.watch_start, 2),
    "watch.events": (Gateway.watch_events, 1),
    "watch.stop": (Gateway.watch_stop, 1),
    "respond": (Gateway.respond, 3),
    "http.request": (Gateway.http_request, 1),
    "http.text": (Gateway.http_text, 1),
    "http.bytes": (Gateway.http_bytes, 1),
    "http.save": (Gateway.http_save, 2),
    "remote.connect": (Gateway.remote_connect, 4),
    "remote.configure": (Gateway.remote_configure, 3),
    "remote.call": (Gateway.remote_call, 4),
    "mail.send": (Gateway.mail_send, 1),
    "uuid": (Gateway.uuid, 0),
    **{f"file.{step}": (_file_operation(step), arity) for step, arity in STEPS.items()},
}


def main(control: socket.socket, runner_pipe: socket.socket, *, narrow: Narrow = restrict_files) -> None:
    """Wait for a run, serve it, return; without a worker there is nothing to do and nobody to tell.

    Args:
        control: channel to the worker.
        runner_pipe: pipe to the runner.
        narrow: takes away every file but the site's; only permissive mode passes another.
    """
    channel = Channel(control)
    try:
        frame = channel.recv()
        run = frame.json()["run"]
        keeper, broker = (Channel.from_fd(fd) for fd in frame.fds)
        if (files := _narrowed(narrow, run)) is None:
            outcome = failed("internal", "the site's directory cannot be opened")
            channel.send_json({"t": "end", "state": outcome.state, "error": outcome.error, "secrets": [], "moved": 0})
            return
        Gateway(channel, Pipe(runner_pipe, MAX_RUNNER_FRAME), run, keeper, broker, files).serve()
    except (ChannelClosedError, WorkerGoneError):
        return


def _narrowed(narrow: Narrow, run: dict[str, Any]) -> Files | None:
    try:
        roots = Roots.open(run["files"], run.get("paths", ()))
        narrow(roots.rules())
    except OSError:
        return None
    return Files(roots)


def _parse(payload: bytearray) -> dict[str, Any]:
    try:
        message = json.loads(payload.decode())
    except (ValueError, RecursionError):
        raise RunnerMisbehavedError from None
    if not isinstance(message, dict):
        raise RunnerMisbehavedError
    return message


def _value(value: object) -> bytes:
    return _encode({"v": value}).encode("utf-8", "replace")


def _ascii(value: object) -> bytes:
    # A name that is not UTF-8 keeps its bytes as lone surrogates, and comes back so.
    return _encode_ascii({"v": value}).encode("ascii")


def _number(number: object) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise RunnerMisbehavedError
    return number
