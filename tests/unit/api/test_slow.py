"""Clients that send or take nothing."""

import asyncio
import socket

from nightdrop.api import edge, listeners
from nightdrop.api.authenticate import always
from nightdrop.api.edge import Edge
from nightdrop.api.listeners import TcpProtocol, make_listener
from nightdrop.core.caller import host_owner
from support import wait_until

OWNER = host_owner("me")


async def length(scope, receive, send):
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % len(body)})


async def flood(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(64):
        await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})


async def talk(app, *parts):
    """Send parts, a piece of an answer after each but the last; return what came until the server hung up."""
    with socket.create_server(("127.0.0.1", 0)) as sock, socket.socket() as client:
        listener = make_listener(Edge(app, always(OWNER)), TcpProtocol)
        task = asyncio.ensure_future(listener.serve([sock]))
        client.settimeout(20)
        client.connect(sock.getsockname())
        taken = b""
        for number, part in enumerate(parts):
            taken += await asyncio.to_thread(client.recv, 1000) if number else b""
            client.sendall(part)
        await asyncio.to_thread(wait_until, lambda: listener.started, "the server is up")
        await asyncio.to_thread(_wait_for_the_end, client, listener)
        listener.should_exit = True
        await task
        try:
            return taken + client.recv(100_000)
        except ConnectionResetError:
            return taken


def _wait_for_the_end(client, listener):
    # Not by reading: that would take what the server waits with. What it let go of, the kernel may still deliver.
    def over():
        state, established = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0], 1
        return (state != established or _has_answer(client)) and not listener.server_state.connections

    wait_until(over, "the end of the connection")


def _has_answer(client):
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""


def test_a_head_that_does_not_come_ends_the_connection(monkeypatch):
    monkeypatch.setattr(listeners, "_HEAD_S", 0.05)
    assert asyncio.run(talk(length, b"")) == b""
    assert asyncio.run(talk(length, b"GET / HT")) == b""


def test_a_second_head_that_does_not_come_ends_the_connection_too(monkeypatch):
    monkeypatch.setattr(listeners, "_HEAD_S", 0.2)
    assert b" 200 " in asyncio.run(talk(length, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET"))


def test_a_body_that_does_not_come_is_a_problem(monkeypatch):
    monkeypatch.setattr(edge, "BODY_S", 0.05)
    answer = asyncio.run(talk(length, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab"))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body_too_slow" in answer


def test_an_answer_that_nobody_takes_ends_the_connection(monkeypatch):
    monkeypatch.setattr(listeners, "_SEND_S", 0.2)
    assert asyncio.run(talk(flood, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
