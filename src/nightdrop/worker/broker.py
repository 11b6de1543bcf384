"""The broker: resolves, applies a site's egress rules to the resolved address, connects, hands the socket over.

A run cannot create sockets; this process is its only way out. It holds no secret and reads no file of ours.
The worker talks to it on a control channel, each run on a channel of its own that the worker opens for it.
"""

import argparse
import asyncio
import contextlib
import ipaddress
import json
import math
import os
import resource
import signal
import socket
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from nightdrop.core.egress import EgressRules, HostNameError, canonical_host
from nightdrop.core.errors import NightdropError
from nightdrop.core.wire import ChannelClosedError, FrameDecoder, FrameTooLargeError, receive, send_frame
from nightdrop.sandbox.process import harden

_MAX_REQUEST = 64 * 1024
_MAX_TIMEOUT = 120.0
# An abandoned lookup keeps its thread until the resolver gives up: a run may not fill the pool with them.
_LOOKUPS_PER_RUN = 4
_LOOKUPS = 64
# A run connects to one host at a time, so this also bounds connections under way.
_MAX_RUNS = 1000
_MAX_ADDRESSES = 16
_MAX_REMEMBERED = 100

SocketAddress = tuple[int, str, int, int]


class _RefusedError(Exception):
    """A connection that is not made: a code of the run protocol and a plain sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class _Request:
    host: str
    port: int
    timeout: float
    again: bool = False

    @classmethod
    def parse(cls, message: Any) -> "_Request":
        """Check a connect request; raises ValueError for what is not even one."""
        if not isinstance(message, dict) or message.get("op") != "connect":
            raise ValueError
        host, port, timeout = message.get("host"), message.get("port"), message.get("timeout")
        if not isinstance(host, str) or type(port) is not int or isinstance(timeout, bool):
            raise ValueError
        if not isinstance(timeout, int | float) or not math.isfinite(timeout):
            raise ValueError
        return cls(host, port, min(max(float(timeout), 0.0), _MAX_TIMEOUT), message.get("again") is True)

    @property
    def where(self) -> str:
        return f"{self.host} port {self.port}"


@dataclass(slots=True, eq=False)
class _Run:
    sock: socket.socket
    rules: EgressRules
    decoder: FrameDecoder = field(default_factory=lambda: FrameDecoder(_MAX_REQUEST))
    # The address that each name had when the run was last connected to it.
    addresses: dict[str, SocketAddress] = field(default_factory=dict)
    lookups: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_LOOKUPS_PER_RUN))
    task: asyncio.Task[None] | None = None


class Broker:
    """Serves runs until the control channel ends."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._decoder = FrameDecoder(_MAX_REQUEST)
        self._runs: dict[str, _Run] = {}
        self._resolver = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="resolve")

    async def serve(self) -> None:
        """Answer the worker's requests; returns when the worker is gone."""
        with contextlib.suppress(ChannelClosedError):
            while True:
                await _readable(self._control)
                receive(self._control, self._decoder)
                for frame in self._decoder.frames():
                    self._answer(frame.json(), frame.fds)

    def _answer(self, message: Mapping[str, Any], fds: list[int]) -> None:
        answer: dict[str, Any] = {"id": message.get("id"), "ok": True}
        try:
            self._do(message, fds)
        except (_RefusedError, NightdropError) as error:
            answer |= {"ok": False, "code": error.code, "message": error.message}
        finally:
            for fd in fds:
                os.close(fd)
        send_frame(self._control, json.dumps(answer).encode())

    def _do(self, message: Mapping[str, Any], fds: list[int]) -> None:
        if message.get("op") == "open_run":
            self._open_run(message, fds)
        elif message.get("op") == "close_run":
            self._close_run(message["run"])
        else:
            raise _RefusedError("unknown_op", "The broker does not know this request.")

    def _open_run(self, message: Mapping[str, Any], fds: list[int]) -> None:
        run_id, egress = message["run"], message["egress"]
        if run_id in self._runs or len(fds) != 1:
            raise _RefusedError("bad_run", "A run needs a new id and one channel.")
        if len(self._runs) >= _MAX_RUNS:
            raise _RefusedError("too_many_runs", "The broker serves no more runs at the same time.")
        rules = EgressRules.parse(egress["allow"], egress["deny"])
        run = self._runs[run_id] = _Run(socket.socket(fileno=fds.pop()), rules)
        run.sock.setblocking(False)
        run.task = asyncio.get_running_loop().create_task(self._serve_run(run))
        run.task.add_done_callback(lambda task: self._forget(run_id, run, task))

    def _close_run(self, run_id: str) -> None:
        run = self._runs.pop(run_id, None)
        if run is not None and run.task is not None:
            run.task.cancel()

    def _forget(self, run_id: str, run: _Run, task: asyncio.Task[None]) -> None:
        run.sock.close()
        if not task.cancelled() and (error := task.exception()) is not None:
            print(f"broker: internal error: {type(error).__name__}", file=sys.stderr)  # noqa: T201 - its only log
        if self._runs.get(run_id) is run:
            del self._runs[run_id]

    async def _serve_run(self, run: _Run) -> None:
        """Answer one run's requests, one after the other: what it sends meanwhile waits in its own socket buffer."""
        # A channel that sends what is no request, or does not read its answers, is closed.
        with contextlib.suppress(ChannelClosedError, FrameTooLargeError, ValueError, RecursionError, OSError):
            while True:
                request = _Request.parse(await _next_message(run))
                try:
                    sock, address = await self._connect(run, request)
                    with sock:
                        sock.setblocking(True)
                        _reply(run, {"ok": True, "address": address, "port": request.port}, [sock.fileno()])
                except _RefusedError as refused:
                    _reply(run, {"ok": False, "code": refused.code, "message": refused.message})

    async def _connect(self, run: _Run, request: _Request) -> tuple[socket.socket, str]:
        deadline = asyncio.get_running_loop().time() + request.timeout
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._resolve(run, request)
        except TimeoutError:
            raise _RefusedError("timeout", f"Looking up {request.host} took too long.") from None
        sock, address = await _connect_any(request, _permitted(run.rules, request, addresses), deadline)
        run.addresses.pop(request.host, None)
        run.addresses[request.host] = address
        if len(run.addresses) > _MAX_REMEMBERED:
            run.addresses.pop(next(iter(run.addresses)))
        return sock, address[1]

    async def _resolve(self, run: _Run, request: _Request) -> list[SocketAddress]:
        """Return the addresses of a host, after the rules have had a say about its name."""
        if not 1 <= request.port <= 65535:
            raise _RefusedError("egress_denied", "A port is a number from 1 to 65535.")
        try:
            host = canonical_host(request.host)
        except HostNameError as error:
            raise _RefusedError("dns_failed", error.message) from None
        verdict = run.rules.check_name(host, request.port)
        if not verdict.allowed:
            raise _RefusedError("egress_denied", f"A connection to {request.where} is not allowed: {verdict.why}.")
        if (literal := _literal(host, request.port)) is not None:
            return [literal]
        if request.again and (known := run.addresses.get(request.host)) is not None:
            return [(*known[:2], request.port, known[3])]
        await run.lookups.acquire()
        lookup = self._resolver.submit(_look_up, host, request.port)
        loop = asyncio.get_running_loop()
        lookup.add_done_callback(lambda _done: loop.call_soon_threadsafe(run.lookups.release))
        try:
            return await asyncio.wrap_future(lookup)
        except (OSError, UnicodeError):
            raise _RefusedError("dns_failed", f"The host name {request.host} could not be resolved.") from None


def _literal(host: str, port: int) -> SocketAddress | None:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    return socket.AF_INET if version == 4 else socket.AF_INET6, host, port, 0


def _look_up(host: str, port: int) -> list[SocketAddress]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses: list[SocketAddress] = []
    for family, _type, _proto, _name, where in found[:_MAX_ADDRESSES]:
        scope = where[3] if len(where) == 4 else 0
        addresses.append((family, str(where[0]).partition("%")[0], port, scope))
    return addresses


def _permitted(rules: EgressRules, request: _Request, addresses: list[SocketAddress]) -> list[SocketAddress]:
    """Return the addresses that the rules allow, in the resolver's order (RFC 6724)."""
    why = "its name has no address"
    permitted = []
    for address in addresses:
        verdict = rules.check(request.host, address[1], request.port)
        if verdict.allowed:
            permitted.append(address)
        else:
            why = verdict.why
    if not permitted:
        raise _RefusedError("egress_denied", f"A connection to {request.where} is not allowed: {why}.")
    return permitted


async def _connect_any(
    request: _Request, addresses: list[SocketAddress], deadline: float
) -> tuple[socket.socket, SocketAddress]:
    """Try the addresses in order; each gets its share of the time that is left."""
    loop = asyncio.get_running_loop()
    failure = _RefusedError("timeout", f"No answer from {request.where} in time.")
    for index, address in enumerate(addresses):
        share = (deadline - loop.time()) / (len(addresses) - index)
        try:
            async with asyncio.timeout(share):
                return await _connect_one(loop, address), address
        except TimeoutError:
            failure = _RefusedError("timeout", f"No answer from {request.where} in time.")
        except ConnectionRefusedError:
            failure = _RefusedError("refused", f"{request.where} refused the connection.")
        except OSError:
            failure = _RefusedError("unreachable", f"{request.where} cannot be reached.")
    raise failure


async def _connect_one(loop: asyncio.AbstractEventLoop, address: SocketAddress) -> socket.socket:
    family, text, port, scope = address
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # The checked address itself, never the name: a second lookup could answer something else.
        await loop.sock_connect(sock, (text, port, 0, scope) if family == socket.AF_INET6 else (text, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _next_message(run: _Run) -> Any:
    while (frame := run.decoder.next()) is None:
        await _readable(run.sock)
        # recv and not recvmsg: the kernel then drops descriptors that a run tries to pass in.
        with contextlib.suppress(BlockingIOError):
            data = run.sock.recv(_MAX_REQUEST)
            if not data:
                raise ChannelClosedError
            run.decoder.feed(data)
    return frame.json()


def _reply(run: _Run, message: Mapping[str, Any], fds: list[int] | None = None) -> None:
    send_frame(run.sock, json.dumps(message).encode(), fds or ())


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sock, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(sock)


def main() -> None:
    """Run the broker on an inherited control channel until the worker is gone."""
    parser = argparse.ArgumentParser(prog="nightdrop.worker.broker")
    parser.add_argument("--control-fd", type=int, required=True)
    arguments = parser.parse_args()
    # Ctrl-C in a terminal reaches the whole group; the worker decides when its children end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    harden(pdeathsig=True)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most if 0 < most < 8192 else 8192, most))
    asyncio.run(Broker(socket.socket(fileno=arguments.control_fd)).serve())
    sys.stderr.flush()
    # Not sys.exit: it would wait for lookups that nobody needs any more.
    os._exit(0)


if __name__ == "__main__":
    main()
