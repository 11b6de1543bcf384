"""The couriers of the runs under way: forked for a run that asks, from a zygote that the first such run starts.

What talks to remote hosts needs many more modules than most runs do, so it is neither in every gateway nor in memory
before somebody uses it.
"""

import contextlib
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nightdrop.access.settings import SiteSettings
from nightdrop.core.wire import Channel, Frame, channel_pair
from nightdrop.sandbox import limits
from nightdrop.worker.children import Child
from nightdrop.worker.giving import Giving
from nightdrop.worker.live_run import LiveRun

_MEMORY = 512 * 1024 * 1024


@dataclass(slots=True)
class _Courier:
    """One courier: what it is still to be given, then its process."""

    run: str
    number: int
    cpu: float
    paths: list[str]
    giving: Giving
    fds: list[socket.socket] = field(default_factory=list)
    pidfd: int | None = None

    def dispose(self) -> None:
        for sock in self.fds:
            sock.close()
        self.fds.clear()
        self.giving.close()
        if self.pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            os.close(self.pidfd)
            self.pidfd = None


class Couriers:
    """At most one courier a run."""

    def __init__(self, zygote: Child, broker: Child) -> None:
        self._zygote = zygote
        self._broker = broker
        self._of_run: dict[str, _Courier] = {}
        self._last = 0

    def open(self, live: LiveRun, files: Path, paths: Sequence[tuple[str, str | None]]) -> None:
        """Give a run its courier; what a run asks for twice is not answered.

        Args:
            live: the run; its gateway gets a channel to the courier.
            files: the site's own directory.
            paths: its other directories, each with why it may not be used, or ``None``.
        """
        run = live.run
        if run.id in self._of_run:
            return
        ours, theirs = channel_pair()
        broker_end, broker_theirs = channel_pair()
        worker_end, worker_theirs = channel_pair()
        self._last += 1
        courier = self._of_run[run.id] = _Courier(
            run.id,
            self._last,
            run.settings.wall,
            [entry for entry, problem in paths if problem is None],
            Giving(worker_end),
            [theirs, broker_theirs, worker_theirs],
        )
        with ours, broker_end:
            egress = {"allow": list(run.settings.egress_allow), "deny": list(run.settings.egress_deny)}
            opening = {"op": "open_run", "run": _broker_name(run.id), "id": 0, "egress": egress}
            self._broker.send(opening, [broker_end.fileno()])
            # Before the gateway has its end: which files the courier reaches, and which server gets the password of
            # the site's mail, is not for a gateway to say.
            Channel(ours).send_json({"files": str(files), "paths": paths, "mail": _mail(run.settings)})
            live.give_courier(ours.fileno())
        if self._zygote.pid is None:
            self._zygote.start()
        else:
            self._ask_for(courier)

    def zygote_started(self) -> None:
        """Ask for what was wanted while the zygote was down."""
        for courier in self._of_run.values():
            self._ask_for(courier)

    def message(self, frame: Frame) -> None:
        """Take a message of the zygote."""
        message = frame.json()
        if "pair" in message:
            self._forked(int(message["pair"]), *frame.fds)

    def close(self, run_id: str) -> None:
        """End the courier of a run, if it has one."""
        if (courier := self._of_run.pop(run_id, None)) is not None:
            self._broker.send({"op": "close_run", "run": _broker_name(run_id), "id": 0})
            courier.dispose()

    def _ask_for(self, courier: _Courier) -> None:
        if self._zygote.channel is not None and courier.fds:
            request = {"pair": courier.number, "paths": courier.paths}
            self._zygote.send(request, [sock.fileno() for sock in courier.fds])
            for sock in courier.fds:
                sock.close()
            courier.fds.clear()

    def _forked(self, number: int, pidfd: int) -> None:
        found = [courier for courier in self._of_run.values() if courier.number == number]
        if not found:
            # Its run has ended: the channel that it waits on is closed, so it ends on its own.
            os.close(pidfd)
            return
        (courier,) = found
        courier.pidfd = pidfd
        with contextlib.suppress(ProcessLookupError):
            limits.limit_process(limits.pid_of(pidfd), memory=_MEMORY, cpu=courier.cpu)


def _mail(settings: SiteSettings) -> dict[str, Any]:
    return {
        "host": settings.smtp_host,
        "port": settings.smtp_port,
        "tls": settings.smtp_tls,
        "user": settings.smtp_user,
        "password_secret": settings.smtp_password_secret,
        "sender": settings.smtp_from,
    }


def _broker_name(run_id: str) -> str:
    return f"{run_id}/courier"
