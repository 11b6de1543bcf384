"""The whole application over a database, asked in process: the edge, the routes, the stores. No worker."""

import asyncio
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from accounts import CHEAP
from nightdrop.access.passwords import Hasher
from nightdrop.api.access import Access
from nightdrop.api.app import create_app
from nightdrop.api.authenticate import Authenticator, always
from nightdrop.api.door import Door
from nightdrop.api.edge import Edge
from nightdrop.api.idempotency import Idempotent
from nightdrop.api.services import Services
from nightdrop.core.clock import FakeClock
from nightdrop.core.config import Config
from nightdrop.core.home import create_home
from nightdrop.db.engine import Database
from nightdrop.db.migrate import upgrade
from vault import OWNER, published_key

HOST = "localhost:8420"


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        return self.json().get("code") if self.status >= 400 else None

    def header(self, wanted: str) -> str | None:
        return next((value for name, value in self.headers if name == wanted), None)

    @property
    def cookie(self) -> str:
        """The session's cookie that was set."""
        name, _, value = (self.header("set-cookie") or "").partition(";")[0].partition("=")
        assert name in {"nd_session", "__Host-nd_session"}
        return value

    @property
    def everything(self) -> bytes:
        return self.body + json.dumps(self.headers).encode()


@dataclass
class Web:
    """A server whose clock only moves when told to."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.home = create_home(self.folder / "home")
        self.db = Database.open(self.home)
        upgrade(self.db)
        self.home.run_dir.joinpath("wake").mkdir(exist_ok=True)
        # Their own tests judge the limits; a table of every route asks more than a person would.
        config = Config(rate_address=0, rate_account=0, rate_token=0, hosts=("nightdrop.example",))
        services = Services.over(self.db, self.home, config, self.clock)
        access = Access.over(self.db, self.clock, config, Hasher(CHEAP))
        self.services = Services(**{name: getattr(services, name) for name in Services.__slots__} | {"access": access})
        # Nobody waits for a worker: there is none.
        self.services.watch.close()
        self.app = _application()
        outer = Idempotent(self.app, self.db, self.clock)
        self._listeners = {
            "tcp": Edge(outer, Authenticator(access.credentials), Door(config)),
            "socket": Edge(outer, always(OWNER)),
        }
        self._runner = asyncio.Runner()

    def close(self) -> None:
        self._runner.close()
        self.services.bell.close()
        self.db.close()

    def new_site(self, name: str) -> str:
        site = self.services.sites.create(OWNER, name)
        self.services.sites.publish_site_key(site.id, published_key(site.id))
        return site.id

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        cookie: str | None = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        more: list[tuple[str, str]] | None = None,
        raw: bytes | None = None,
        address: str | None = "192.0.2.1",
        listener: str = "tcp",
        scheme: str = "http",
    ) -> Answer:
        """Send one request as a browser's page does; ``headers`` replace its own, ``None`` leaves one away."""
        sent: dict[str, str | None] = {"host": HOST, "sec-fetch-site": "same-origin"}
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            sent |= {"content-type": "application/json", "content-length": str(len(raw))}
        if cookie is not None:
            sent["cookie"] = f"{'__Host-' if scheme == 'https' else ''}nd_session={cookie}"
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        sent |= headers or {}
        lines = [(name, value) for name, value in sent.items() if value is not None] + (more or [])
        target, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": target,
            "raw_path": target.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": scheme,
            "headers": [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in lines],
            "client": (address, 40000) if address is not None else None,
            "server": ("127.0.0.1", 8420),
            "state": {},
        }
        self.app.state.services = self.services
        return self._runner.run(_ask(self._listeners[listener], scope, raw or b""))


@cache
def _application() -> FastAPI:
    """One for all tests of a process, as they differ in what it serves alone: to make it takes longer than to ask it."""
    return create_app()


async def _ask(app: Any, scope: dict[str, Any], body: bytes) -> Answer:
    sent: list[dict[str, Any]] = []
    incoming = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    answered = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    headers = [(name.decode().lower(), value.decode()) for name, value in start["headers"]]
    return Answer(start["status"], headers, answered)
