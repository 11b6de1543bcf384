"""A zygote: holds every module that its children need, never saw a key, and forks them for one run each.

There are three: one for gateways (the run's host), one for runners (the JavaScript engine), and, once a run has asked
for one, one for couriers (clients for remote hosts): the time of a fork grows with what the parent holds, and a runner
needs little. Their children are confined before they wait for a run. A zygote is process 1 of its own namespaces:
when it dies, for whatever reason, the kernel takes every child with it.
"""

import argparse
import gc
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, NoReturn

from nightdrop.core.directories import open_directory
from nightdrop.core.site_paths import split_entry
from nightdrop.core.wire import Channel, ChannelClosedError, Frame
from nightdrop.sandbox import Prepared, SandboxLevel, prepare, probe
from nightdrop.sandbox.fork import fork_bare, require_one_thread, reseed
from nightdrop.sandbox.landlock import Rule
from nightdrop.sandbox.namespaces import clone_into_namespaces
from nightdrop.sandbox.process import drop_capabilities, harden

Role = Literal["gateway", "runner", "courier"]
# What a child does with the descriptors it was given, and with the directories its gateway may reach beside the
# sites' own: confine itself, then serve one run.
Entry = Callable[[list[int], list[str]], None]


@dataclass(slots=True)
class _Member:
    pair: int
    pid: int
    pidfd: int


class Zygote:
    """Forks gateways, or runners, on request and reports every exit."""

    def __init__(self, role: Role, control: Channel, prepared: Prepared) -> None:
        self._enter = _ENTRIES[role](prepared)
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve until the worker closes the control channel."""
        require_one_thread()
        # What the children share stays shared: the collector must not write into it (gc.freeze, PEP 442 notes).
        gc.collect()
        gc.freeze()
        gc.disable()
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    # All of them: the selector does not know of frames that were read along with the first.
                    for request in self._control.recv_ready():
                        self._spawn(request)
                else:
                    self._reap(key.data)

    def _spawn(self, request: Frame) -> None:
        message = request.json()
        pair = int(message["pair"])
        pid = fork_bare()
        if pid == 0:
            self._live(request.fds, message.get("paths", []))
        for fd in request.fds:
            os.close(fd)
        member = _Member(pair, pid, os.pidfd_open(pid))
        self._selector.register(member.pidfd, selectors.EVENT_READ, member)
        self._control.send_json({"pair": pair}, [member.pidfd])

    def _live(self, fds: list[int], paths: list[str]) -> NoReturn:
        try:
            self._enter(fds, paths)
        except BaseException as error:  # noqa: BLE001 - nothing may escape into the zygote's own loop
            _die(error)
        os._exit(0)

    def _reap(self, member: _Member) -> None:
        _, status = os.waitpid(member.pid, 0)
        self._selector.unregister(member.pidfd)
        os.close(member.pidfd)
        self._control.send_json({"exit": {"pair": member.pair, "status": status}})


def _gateway_entry(prepared: Prepared) -> Entry:
    from nightdrop.worker import gateway

    gateway.preload()

    def enter(fds: list[int], paths: list[str]) -> None:
        # Before the cage: a new socket object asks the kernel what it is.
        sockets = [_unix(fd) for fd in fds]
        reseed()
        prepared.confine_gateway([2, *fds], reachable(paths))
        if "landlock" in prepared.missing:
            gateway.main(*sockets, narrow=lambda _rules: None)
        else:
            gateway.main(*sockets)

    return enter


def _runner_entry(prepared: Prepared) -> Entry:
    from nightdrop.worker import runner

    runner.preload()

    def enter(fds: list[int], _paths: list[str]) -> None:
        (pipe,) = fds
        sock = _unix(pipe)
        prepared.confine_runner([2, pipe])
        runner.main(sock)

    return enter


def _courier_entry(prepared: Prepared) -> Entry:
    from nightdrop.worker import courier

    courier.preload()

    def enter(fds: list[int], paths: list[str]) -> None:
        sockets = [_unix(fd) for fd in fds]
        reseed()
        prepared.confine_gateway([2, *fds], reachable(paths))
        if "landlock" in prepared.missing:
            courier.main(*sockets, narrow=lambda _rules: None)
        else:
            courier.main(*sockets)

    return enter


_ENTRIES: dict[Role, Callable[[Prepared], Entry]] = {
    "gateway": _gateway_entry,
    "runner": _runner_entry,
    "courier": _courier_entry,
}


def reachable(paths: Sequence[str]) -> list[Rule]:
    """Open the directories of a site, entries as its setting has them, for the ruleset of one gateway."""
    rules: list[Rule] = []
    for entry in paths:
        path, access = split_entry(entry)
        # One that is not there, or not any more: the run finds that out when it uses it.
        with suppress(OSError):
            rules.append((open_directory(path), access))
    return rules


def _unix(fd: int) -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=fd)


def _die(error: BaseException) -> NoReturn:
    # Only the type: the text of an unknown exception may hold a value.
    # Standard error may be a file, to which a runner may not write.
    with suppress(OSError):
        os.write(2, f"nightdrop: a run's process failed: {type(error).__name__}\n".encode())
    os._exit(70)


def _serve(options: argparse.Namespace, level: SandboxLevel) -> NoReturn:
    prepared = prepare(files=options.files, permissive=options.permissive, level=level)
    drop_capabilities()
    try:
        Zygote(options.role, Channel.from_fd(options.control_fd), prepared).serve()
    except ChannelClosedError:
        os._exit(0)
    os._exit(1)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Enter the namespaces and serve there; this process stays behind only to carry the exit on."""
    parser = argparse.ArgumentParser(prog="nightdrop-zygote")
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--role", choices=tuple(_ENTRIES), required=True)
    parser.add_argument("--files", help="directory with all sites' files, for gateways and couriers")
    parser.add_argument("--permissive", action="store_true")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    harden(pdeathsig=True)
    level = probe()
    parent = os.getpid()
    pid = clone_into_namespaces()
    if pid == 0:
        # In a pid namespace of its own the parent has no number; a parent that died before is noticed by the
        # control channel's end.
        harden(pdeathsig=True, parent=parent if os.getppid() == parent else 0)
        _serve(options, level)
    os.close(options.control_fd)
    _, status = os.waitpid(pid, 0)
    sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    main()
