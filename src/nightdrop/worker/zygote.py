"""The zygote: holds every module that a run needs, never saw a key, and forks single-use pairs.

A pair is a gateway (the run's host) and a runner (the JavaScript engine), both already confined, waiting
on their channels. The zygote is process 1 of its own namespaces: when it dies, for whatever reason, the
kernel takes every gateway and runner with it.
"""

import argparse
import gc
import os
import selectors
import signal
import socket
import sys
from dataclasses import dataclass
from typing import NoReturn

from nightdrop.core.wire import Channel, ChannelClosedError, channel_pair
from nightdrop.sandbox import Prepared, SandboxLevel, prepare, probe
from nightdrop.sandbox.fork import fork_bare, require_one_thread, reseed
from nightdrop.sandbox.namespaces import clone_into_namespaces
from nightdrop.sandbox.process import drop_capabilities, harden


@dataclass(slots=True)
class _Member:
    pair: int
    role: str
    pid: int
    pidfd: int


class Zygote:
    """Forks pairs on request and reports every exit."""

    def __init__(self, control: Channel, prepared: Prepared) -> None:
        from nightdrop.syncjs import http
        from nightdrop.worker import gateway, runner

        http.preload()
        runner.preload()
        self._run_gateway = gateway.main
        self._run_runner = runner.main
        self._prepared = prepared
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._next = 1

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
                    if self._control.recv_json().get("op") == "spawn":
                        self._spawn()
                else:
                    self._reap(key.data)

    def _spawn(self) -> None:
        pair, self._next = self._next, self._next + 1
        worker_end, gateway_control = channel_pair()
        gateway_pipe, runner_pipe = channel_pair()
        gateway = self._fork(pair, "gateway")
        if gateway is None:
            self._enter_gateway(gateway_control, gateway_pipe)
        runner = self._fork(pair, "runner")
        if runner is None:
            self._enter_runner(runner_pipe)
        for sock in (gateway_control, gateway_pipe, runner_pipe):
            sock.close()
        with worker_end:
            self._control.send_json({"pair": pair}, [worker_end.fileno(), gateway.pidfd, runner.pidfd])

    def _fork(self, pair: int, role: str) -> _Member | None:
        pid = fork_bare()
        if pid == 0:
            return None
        member = _Member(pair, role, pid, os.pidfd_open(pid))
        self._selector.register(member.pidfd, selectors.EVENT_READ, member)
        return member

    def _enter_gateway(self, control: socket.socket, pipe: socket.socket) -> NoReturn:
        try:
            reseed()
            self._prepared.confine_gateway([2, control.fileno(), pipe.fileno()])
            if "landlock" in self._prepared.missing:
                self._run_gateway(control, pipe, narrow=lambda _rules: None)
            else:
                self._run_gateway(control, pipe)
        except BaseException as error:  # noqa: BLE001 - nothing may escape into the zygote's own loop
            _die(error)
        os._exit(0)

    def _enter_runner(self, pipe: socket.socket) -> NoReturn:
        try:
            self._prepared.confine_runner([2, pipe.fileno()])
            self._run_runner(pipe)
        except BaseException as error:  # noqa: BLE001 - nothing may escape into the zygote's own loop
            _die(error)
        os._exit(0)

    def _reap(self, member: _Member) -> None:
        _, status = os.waitpid(member.pid, 0)
        self._selector.unregister(member.pidfd)
        os.close(member.pidfd)
        self._control.send_json({"exit": {"pair": member.pair, "role": member.role, "status": status}})


def _die(error: BaseException) -> NoReturn:
    # Only the type: the text of an unknown exception may hold a value.
    os.write(2, f"nightdrop: a run's process failed: {type(error).__name__}\n".encode())
    os._exit(70)


def _serve(control_fd: int, files: str, level: SandboxLevel, *, permissive: bool) -> NoReturn:
    prepared = prepare(files=files, permissive=permissive, level=level)
    drop_capabilities()
    try:
        Zygote(Channel.from_fd(control_fd), prepared).serve()
    except ChannelClosedError:
        os._exit(0)
    os._exit(1)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Enter the namespaces and serve there; this process stays behind only to carry the exit on."""
    parser = argparse.ArgumentParser(prog="nightdrop-zygote")
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--files", required=True)
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
        _serve(options.control_fd, options.files, level, permissive=options.permissive)
    os.close(options.control_fd)
    _, status = os.waitpid(pid, 0)
    sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    main()
