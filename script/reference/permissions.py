"""Which permissions each route asks for, found by calling it as somebody who may do everything and is watched."""

import asyncio
import json
import tempfile
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from nightdrop.api.app import create_app
from nightdrop.api.edge import Edge
from nightdrop.api.services import Services
from nightdrop.core.caller import Caller
from nightdrop.core.clock import SystemClock
from nightdrop.core.config import Config
from nightdrop.core.home import open_home
from nightdrop.core.logging import configure_logging
from nightdrop.db.engine import Database
from nightdrop.install.init import FIRST_SITE, initialise_home

# A good body for each operation that needs more than an empty one to get as far as its checks.
_BODIES: dict[str, Any] = {
    "create_site": {"name": "another"},
    "change_site": {"settings": {"wall": 60}},
    "create_secret": {"name": "another", "value": "value"},
    "put_secret_value": {"value": "other value"},
    "change_secret": {"description": "text"},
    "create_script": {"name": "another", "code": "Log(1);"},
    "push_script": {"code": "Log(2);"},
    "start_run": {"script": "script"},
}


@dataclass(frozen=True, slots=True)
class _Watched(Caller):
    """Somebody who may do everything; notes what they are asked for."""

    asked: list[str] = field(default_factory=list)

    def may(self, permission: str, site_id: str | None = None) -> bool:  # noqa: ARG002 - every site
        if str(permission) not in self.asked:
            self.asked.append(str(permission))
        return True


def needed(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return the permissions of each operation of an OpenAPI document.

    Raises:
        ValueError: a call was refused, so that its later checks were not reached; it needs a body above.
    """
    operations = [
        (method.upper(), path, operation["operationId"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    # What deletes comes last: the others need what it takes away.
    operations.sort(key=lambda one: one[0] == "DELETE")
    configure_logging("error")
    with tempfile.TemporaryDirectory(prefix="nightdrop-reference-") as folder:
        initialise_home(Path(folder) / "home", Path(folder) / "node.key")
        home = open_home(Path(folder) / "home")
        with Database.open(home) as db:
            services = Services.over(db, home, Config(), SystemClock())
            # Nobody makes the key of a new site, and no run goes on: nothing is worth waiting for.
            services.watch.close()
            try:
                ids = asyncio.run(_objects(services))
                return {
                    name: asyncio.run(_permissions(services, method, path.format_map(ids), name))
                    for method, path, name in operations
                }
            finally:
                services.bell.close()


async def _objects(services: Services) -> dict[str, str]:
    """Make one of each that an address can name."""
    site = f"/api/v1/sites/{FIRST_SITE}"
    somebody = _Watched("host", "host:reference", everything=True)

    async def make(path: str, body: dict[str, Any], key: str = "id") -> str:
        return str(json.loads(await _call(services, somebody, "POST", f"{site}/{path}", body))[key])

    return {
        "site": FIRST_SITE,
        "secret": await make("secrets", {"name": "secret", "value": "value"}),
        "script": await make("scripts", {"name": "script", "code": "Log(1);"}),
        "run": await make("runs", {"script": "script"}),
        "epoch": await make("rotations", {}, "epoch"),
    }


async def _permissions(services: Services, method: str, path: str, name: str) -> list[str]:
    caller = _Watched("host", "host:reference", everything=True)
    try:
        await _call(
            services, caller, method, path, _BODIES.get(name, {} if method in {"POST", "PUT", "PATCH"} else None)
        )
    except ValueError as error:
        raise ValueError(f"script/reference/permissions.py: give {name} a body in _BODIES: {error}") from None
    return caller.asked


async def _call(services: Services, caller: Caller, method: str, path: str, body: Any) -> bytes:
    parts = [] if body is None else [json.dumps(body).encode()]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return (
            {"type": "http.request", "body": parts.pop(), "more_body": False} if parts else {"type": "http.disconnect"}
        )

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    if parts:
        headers.append((b"content-length", str(len(parts[0])).encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": headers,
        "client": None,
        "server": ("127.0.0.1", 8420),
        "state": {},
    }
    await Edge(create_app(services), lambda _scope: caller)(scope, receive, send)
    status = next(message["status"] for message in sent if message["type"] == "http.response.start")
    answer = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    # A conflict with what is there is found after every check.
    if status >= 400 and status != HTTPStatus.CONFLICT:
        raise ValueError(f"{method} answered {status}: {answer.decode()}")
    return answer
