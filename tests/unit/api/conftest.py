"""Requests straight into an ASGI application."""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def everything(self) -> bytes:
        return self.body + json.dumps(self.headers).encode()


Ask = Callable[..., Answer]


def ask(
    app: Any,
    method: str,
    path: str,
    parts: Iterable[bytes] = (),
    headers: dict[str, str] | None = None,
    query: str = "",
) -> Answer:
    """Send one request whose body comes in ``parts`` and return the answer."""
    return asyncio.run(_ask(app, method, path, list(parts), headers or {}, query))


async def _ask(app: Any, method: str, path: str, parts: list[bytes], headers: dict[str, str], query: str) -> Answer:
    sent: list[dict[str, Any]] = []
    incoming = [
        {"type": "http.request", "body": part, "more_body": number + 1 < len(parts)}
        for number, part in enumerate(parts)
    ]

    async def receive() -> dict[str, Any]:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    if parts and "content-length" not in headers:
        headers = {"transfer-encoding": "chunked", **headers}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": None,
        "server": ("127.0.0.1", 8420),
        "state": {},
    }
    await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return Answer(start["status"], {key.decode(): value.decode() for key, value in start["headers"]}, body)


@pytest.fixture(name="ask")
def ask_fixture() -> Ask:
    return ask
