"""The serving loop: one thread, the control channel and one channel per run."""

import json
import os
import selectors
import socket
from collections import deque
from collections.abc import Iterator
from typing import Any

from nightdrop.core.errors import NightdropError
from nightdrop.core.wire import ChannelClosedError, Frame, FrameDecoder, FrameTooLargeError, receive
from nightdrop.worker.keeper import control, rotation, witness
from nightdrop.worker.keeper.channel import Outlet
from nightdrop.worker.keeper.keeper import Keeper
from nightdrop.worker.keeper.release import AUDIT, OUTCOMES, UNDECRYPTABLE, Run, Wish
from nightdrop.worker.keeper.sealed_rows import RowsUnavailableError

_READ = selectors.EVENT_READ
_WRITE = selectors.EVENT_WRITE
# Small: a run that sends many requests at once gets only a few answers before others have their turn.
_RECEIVE = 512
_MAX_REQUEST = 64 * 1024
# A worker that takes no notices any more is broken: end, and let it start us again.
_MAX_NOTICES = 64 * 1024 * 1024
# After so many audit entries the worker is told to ask for a checkpoint.
_CHECKPOINT_ENTRIES = 1000
_GET = b"get\0"
# For a client of the gateway or the courier to put in its place; the script does not get it.
_USE = b"use\0"
_HAS = b"has\0"

# Requests that are answered at once, and those that are worked on between the requests of runs.
_ANSWERED = {
    "create_site_key": control.create_site_key,
    "begin_rotation": rotation.begin_rotation,
    "finish_rotation": rotation.finish_rotation,
    "remembered": witness.remembered,
    "checkpoint": witness.checkpoint,
}
_WORKED_ON = {"check": control.check, "reseal": rotation.reseal}

Job = tuple[Any, Iterator[dict[str, Any] | None]]


class RunChannel:
    """The channel of one run; it ends with the run, or with the first frame that is not a request."""

    __slots__ = ("decoder", "outlet", "run", "sock")

    def __init__(self, sock: socket.socket, run: Run) -> None:
        self.sock = sock
        self.run = run
        self.outlet = Outlet(sock)
        self.decoder = FrameDecoder(_MAX_REQUEST)


class Loop:
    """Serves until the control channel ends."""

    def __init__(self, keeper: Keeper, control_sock: socket.socket) -> None:
        control_sock.setblocking(False)
        self._keeper = keeper
        self._selector = selectors.DefaultSelector()
        self._runs: dict[str, RunChannel] = {}
        self._jobs: deque[Job] = deque()
        self._checkpoint_at = keeper.parts.store.entries + _CHECKPOINT_ENTRIES if keeper.parts else 0
        self._control = control_sock
        self._control_out = Outlet(control_sock)
        self._control_in = FrameDecoder()
        self._selector.register(control_sock, _READ, None)

    def run(self) -> None:
        """Serve; returns when the worker is gone."""
        select, step = self._selector.select, self._step_job
        try:
            while True:
                for key, mask in select(0 if self._jobs else None):
                    channel: RunChannel | None = key.data
                    if channel is None:
                        self._serve_control(mask)
                    elif self._runs.get(channel.run.run_id) is channel:
                        self._serve_run(channel, mask)
                step()
        except (ChannelClosedError, FrameTooLargeError):
            return
        finally:
            self._close()

    # Run channels

    def _serve_run(self, channel: RunChannel, mask: int) -> None:
        try:
            if mask & _WRITE:
                channel.outlet.flush()
                if not channel.outlet.waiting_bytes:
                    self._selector.modify(channel.sock, _READ, channel)
            if mask & _READ:
                self._read_run(channel)
        except (ChannelClosedError, FrameTooLargeError, OSError):
            self._forget(channel)

    def _read_run(self, channel: RunChannel) -> None:
        # Plain recv: a descriptor that a run sends along is dropped by the kernel.
        try:
            data = channel.sock.recv(_RECEIVE)
        except BlockingIOError:
            return
        if not data:
            raise ChannelClosedError
        channel.decoder.feed(data)
        while (frame := channel.decoder.next()) is not None:
            self._answer(channel, bytes(frame.payload))
        if channel.outlet.waiting_bytes:
            # Nothing more is read until the answer is taken: one value per run waits here, never a heap of them.
            self._selector.modify(channel.sock, _WRITE, channel)

    def _answer(self, channel: RunChannel, request: bytes) -> None:
        name = request[4:].decode("latin-1")
        if request.startswith(_GET):
            self._answer_get(channel, name, Wish.READ)
        elif request.startswith(_USE):
            self._answer_get(channel, name, Wish.USE)
        elif request.startswith(_HAS):
            channel.outlet.send(self._has(channel.run, name))
        else:
            raise ChannelClosedError

    def _answer_get(self, channel: RunChannel, name: str, wish: Wish) -> None:
        parts = self._keeper.parts
        if parts is None:
            self._keeper.reads[OUTCOMES[AUDIT]] += 1
            channel.outlet.send(AUDIT)
            return
        answer = parts.releaser.get(channel.run, name, wish)
        self._keeper.reads[OUTCOMES[answer.code]] += 1
        try:
            channel.outlet.send(answer.code, answer.value)
        finally:
            if answer.notice is not None:
                self._tell(answer.notice)
            if parts.store.entries >= self._checkpoint_at:
                self._checkpoint_at = parts.store.entries + _CHECKPOINT_ENTRIES
                self._tell({"event": "checkpoint_due"})

    def _has(self, run: Run, name: str) -> bytes:
        parts = self._keeper.parts
        if parts is None:
            return UNDECRYPTABLE
        try:
            return b"y" if parts.releaser.has(run, name) else b"n"
        except RowsUnavailableError:
            return UNDECRYPTABLE

    def _forget(self, channel: RunChannel) -> None:
        if self._runs.get(channel.run.run_id) is channel:
            del self._runs[channel.run.run_id]
            self._selector.unregister(channel.sock)
        channel.outlet.discard()
        channel.sock.close()

    # Control channel

    def _serve_control(self, mask: int) -> None:
        if mask & _WRITE:
            self._control_out.flush()
            self._watch_control()
        if mask & _READ:
            try:
                receive(self._control, self._control_in)
            except BlockingIOError:
                return
            for frame in self._control_in.frames():
                self._serve_request(frame)

    def _serve_request(self, frame: Frame) -> None:
        try:
            message = frame.json()
        except ValueError:
            message = None
        if not isinstance(message, dict):
            _close_all(frame.fds)
            raise ChannelClosedError
        try:
            answer = self._perform(message, frame.fds)
        except NightdropError as error:
            self._tell(control.error_answer(message.get("id"), error))
        else:
            if answer is not None:
                self._tell({"id": message.get("id"), "ok": True, **answer})
        finally:
            _close_all(frame.fds)

    def _perform(self, message: dict[str, Any], fds: list[int]) -> dict[str, Any] | None:
        match message.get("op"):
            case "open_run":
                return self._open_run(message, fds)
            case "close_run":
                return self._close_run(message)
            case "status":
                return control.status(self._keeper)
            case str() as op if op in _ANSWERED:
                return _ANSWERED[op](self._keeper, message)
            case str() as op if op in _WORKED_ON:
                self._jobs.append((message.get("id"), _WORKED_ON[op](self._keeper, message)))
                return None
        raise control.UnknownOperationError

    def _open_run(self, message: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        run = control.read_run(message)
        if len(fds) != 1 or run.run_id in self._runs:
            raise control.BadRequestError(field="run")
        sock = socket.socket(fileno=os.dup(fds[0]))
        sock.setblocking(False)
        channel = RunChannel(sock, run)
        self._runs[run.run_id] = channel
        self._selector.register(sock, _READ, channel)
        return {}

    def _close_run(self, message: dict[str, Any]) -> dict[str, Any]:
        channel = self._runs.get(control.text(message, "run"))
        if channel is not None:
            self._forget(channel)
        return {}

    def _step_job(self) -> None:
        if not self._jobs:
            return
        request_id, job = self._jobs[0]
        try:
            answer = next(job)
        except NightdropError as error:
            self._jobs.popleft()
            self._tell(control.error_answer(request_id, error))
            return
        if answer is not None:
            self._jobs.popleft()
            self._tell({"id": request_id, "ok": True, **answer})

    def _tell(self, message: dict[str, Any]) -> None:
        self._control_out.send(json.dumps(message, separators=(",", ":")).encode())
        if self._control_out.waiting_bytes:
            if self._control_out.waiting_bytes > _MAX_NOTICES:
                raise ChannelClosedError
            self._watch_control()

    def _watch_control(self) -> None:
        mask = _READ | _WRITE if self._control_out.waiting_bytes else _READ
        self._selector.modify(self._control, mask, None)

    def _close(self) -> None:
        for channel in list(self._runs.values()):
            self._forget(channel)
        self._selector.close()
        self._control_in.close()
        self._control.close()


def _close_all(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
