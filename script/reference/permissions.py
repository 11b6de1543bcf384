"""Which permissions each route asks for, found by calling it as somebody who may do everything, and watching."""

import asyncio
import dataclasses
import functools
import json
import tempfile
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from nightdrop.access import guard
from nightdrop.access.permissions import Permission, allowed
from nightdrop.access.sessions import Origin
from nightdrop.api.app import create_app
from nightdrop.api.authenticate import always
from nightdrop.api.edge import Edge
from nightdrop.api.services import Services
from nightdrop.core.caller import SYSTEM, Caller
from nightdrop.core.clock import SystemClock
from nightdrop.core.config import Config
from nightdrop.core.home import open_home
from nightdrop.core.ids import new_id
from nightdrop.core.logging import configure_logging
from nightdrop.db.engine import Database
from nightdrop.install.init import FIRST_SITE, initialise_home
from nightdrop.runs import queue

_PASSWORD = "correct horse battery staple"  # noqa: S105 - of a home that is thrown away

# A good body for each operation that needs more than an empty one to get as far as its checks.
_BODIES: dict[str, Any] = {
    "create_site": {"name": "another"},
    "change_site": {"settings": {"wall": 60}},
    "create_secret": {"name": "another", "value": "value"},
    "put_secret_value": {"value": "other value"},
    "change_secret": {"description": "text"},
    "create_script": {"name": "another", "code": "Log(1);"},
    "change_script": {"description": "text"},
    "push_script": {"code": "Log(2);"},
    "check_code": {"code": "Log(1);"},
    "create_trigger": {"script": "hooked", "settings": {"kind": "webhook"}},
    "preview_schedule": {"cron": "@daily"},
    "change_trigger": {"enabled": False},
    "start_run": {"script": "script"},
    "create_admin": {"name": "another"},
    "sign_in": {"name": "somebody", "password": _PASSWORD},
    "change_password": {"current": _PASSWORD, "new": _PASSWORD},
    "begin_passkey": {"password": _PASSWORD},
    "end_totp": {"password": _PASSWORD},
    "set_up": {"token": "x", "name": "x", "password": _PASSWORD},
    "get_invitation": {"token": "x"},
    "confirm_totp": {"code": "000000"},
    "create_token": {"name": "x", "sites": [], "permissions": []},
    "add_passkey": {"name": "x", "credential": {}},
    "sign_in_with_passkey": {"credential": {}},
}
# These refuse what they are about here, after every check.
_REFUSED = {
    "call_hook",
    "set_up",
    "get_invitation",
    "confirm_totp",
    "create_token",
    "add_passkey",
    "sign_in_with_passkey",
    "end_own_session",
    "revoke_token",
    "remove_passkey",
}


class _Watch:
    """Notes what the stores ask for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        for module in (guard, queue):
            module.allowed = self._allowed

    def _allowed(self, caller: Caller, permission: Permission, site_id: str | None = None) -> bool:
        if str(permission) not in self.asked:
            self.asked.append(str(permission))
        return allowed(caller, permission, site_id)


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
            watch = _Watch()
            try:
                caller = _somebody(services)
                ids = asyncio.run(_objects(services, caller))
                return {
                    name: asyncio.run(_permissions(services, caller, watch, method, path.format_map(ids), name))
                    for method, path, name in operations
                }
            finally:
                services.bell.close()


def _somebody(services: Services) -> Caller:
    access = services.access
    link = access.admins.first_setup_link(SYSTEM)
    session = access.sign_in.set_up(link.token, "somebody", _PASSWORD, Origin())
    return dataclasses.replace(session.caller, everything=True)


async def _objects(services: Services, somebody: Caller) -> dict[str, str]:
    """Make one of each that an address can name."""
    site = f"/api/v1/sites/{FIRST_SITE}"

    async def make(path: str, body: dict[str, Any], key: str = "id") -> str:
        return str(json.loads(await _call(services, somebody, "POST", f"{site}/{path}", body))[key])

    return {
        "site": FIRST_SITE,
        "secret": await make("secrets", {"name": "secret", "value": "value"}),
        "script": await make("scripts", {"name": "script", "code": "Log(1);"}),
        "run": await make("runs", {"script": "script"}),
        "trigger": await _trigger(make),
        "number": "1",
        "epoch": await make("rotations", {}, "epoch"),
        "admin": services.access.admins.create(somebody, "nobody")[0].id,
        "session": new_id("ses"),
        "token": new_id("tok"),
        "passkey": new_id("key"),
    }


async def _trigger(make: Callable[..., Any]) -> str:
    # Of a script of its own: that of the others is deleted before it.
    await make("scripts", {"name": "hooked", "code": "Log(1);"})
    return str(await make("triggers", {"script": "hooked", "settings": {"kind": "webhook"}}))


async def _permissions(
    services: Services, caller: Caller, watch: _Watch, method: str, path: str, name: str
) -> list[str]:
    watch.asked = []
    try:
        await _call(
            services, caller, method, path, _BODIES.get(name, {} if method in {"POST", "PUT", "PATCH"} else None)
        )
    except ValueError as error:
        if name in _REFUSED:
            return watch.asked
        raise ValueError(f"script/reference/permissions.py: give {name} a body in _BODIES: {error}") from None
    return watch.asked


@functools.cache
def _application() -> FastAPI:
    return create_app()


async def _call(services: Services, caller: Caller, method: str, path: str, body: Any) -> bytes:
    parts = [] if body is None else [json.dumps(body).encode()]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return (
            {"type": "http.request", "body": parts.pop(), "more_body": False} if parts else {"type": "http.disconnect"}
        )

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"host", b"localhost")]
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
    app = _application()
    app.state.services = services
    await Edge(app, always(caller))(scope, receive, send)
    status = next(message["status"] for message in sent if message["type"] == "http.response.start")
    answer = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    # A conflict with what is there is found after every check.
    if status >= 400 and status != HTTPStatus.CONFLICT:
        raise ValueError(f"{method} answered {status}: {answer.decode()}")
    return answer
