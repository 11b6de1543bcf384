"""A real keeper process on real socketpairs, over a home whose databases the tests may tamper with."""

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nightdrop.core.clock import SystemClock
from nightdrop.core.home import Home, create_home
from nightdrop.core.wire import Channel, channel_pair
from nightdrop.crypto.policy import Policy
from nightdrop.crypto.sealing import seal_secret
from nightdrop.db.engine import Database
from nightdrop.db.migrate import upgrade
from nightdrop.keys.bootstrap import NewKeys, create_keys
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.keeper_db import initialise

PATIENCE_S = 30.0
SITE_A, SITE_B = "site_00000000000000000000000001", "site_00000000000000000000000002"


@dataclass
class Installation:
    """A home, its keys, and hands that write straight into app.db, as a taken-over web process could."""

    home: Home
    node_key: Path
    keys: NewKeys
    site_a: str = SITE_A
    site_b: str = SITE_B

    def public_key(self, site: str) -> bytes:
        return next(key.public_key for key in self.keys.published if key.site_id == site)

    def seal(self, site: str, name: str, value: bytes, *, revision: int = 1, policy: Policy = Policy.DEFAULT) -> bytes:
        key = self.public_key(site)
        return seal_secret(key, site_id=site, epoch=1, name=name, revision=revision, value=value, policy=policy)

    def put(self, site: str, name: str, value: bytes, *, revision: int = 1, policy: Policy = Policy.DEFAULT) -> bytes:
        sealed = self.seal(site, name, value, revision=revision, policy=policy)
        self.write(site, name, sealed, revision=revision)
        return sealed

    def write(self, site: str, name: str, sealed: object, *, revision: object = 1, epoch: object = 1) -> None:
        self.sql("DELETE FROM secrets WHERE site_id=? AND name=?", site, name)
        self.sql(
            "INSERT INTO secrets (id, site_id, name, revision, epoch, sealed, created_ms, updated_ms, updated_by)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, 0, 'test')",
            hashlib.sha256(f"{site}/{name}".encode()).hexdigest(),
            site,
            name,
            revision,
            epoch,
            sealed,
        )

    def sql(self, statement: str, *parameters: object) -> list[Any]:
        connection = sqlite3.connect(self.home.app_db)
        try:
            with connection:
                return connection.execute(statement, parameters).fetchall()
        finally:
            connection.close()

    def keeper_sql(self, statement: str, *parameters: object) -> list[Any]:
        connection = sqlite3.connect(self.home.keeper_db)
        try:
            with connection:
                return connection.execute(statement, parameters).fetchall()
        finally:
            connection.close()

    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(row[0]) for row in self.keeper_sql("SELECT body FROM audit ORDER BY seq")]

    def events(self) -> list[str]:
        return [entry["event"] for entry in self.audit() if not entry["event"].startswith("keeper.")]

    @property
    def arguments(self) -> list[str]:
        return ["--home", str(self.home.root), "--node-key", str(self.node_key)]

    def recover(self, typed: bytes) -> "subprocess.CompletedProcess[bytes]":
        command = [sys.executable, "-I", "-m", "nightdrop.worker.keeper", "recover", *self.arguments]
        return subprocess.run(command, input=typed, capture_output=True, timeout=PATIENCE_S, check=False)


@dataclass
class RunChannel:
    """The gateway's end of a run's channel."""

    channel: Channel

    def ask(self, request: bytes) -> bytes:
        self.channel.send(request)
        return bytes(self.channel.recv().payload)

    def get(self, name: str) -> bytes:
        return self.ask(b"get\0" + name.encode())

    def use(self, name: str) -> bytes:
        return self.ask(b"use\0" + name.encode())

    def has(self, name: str) -> bytes:
        return self.ask(b"has\0" + name.encode())


@dataclass
class KeeperProcess:
    """A keeper started as the worker starts it."""

    process: "subprocess.Popen[bytes]"
    control: Channel
    events: list[dict[str, Any]] = field(default_factory=list)
    runs: list[RunChannel] = field(default_factory=list)
    sent: int = 0

    def ask(self, op: str, fds: tuple[int, ...] = (), **fields: Any) -> dict[str, Any]:
        self.sent += 1
        self.control.send_json({"id": self.sent, "op": op, **fields}, fds)
        return self.answer()

    def answer(self) -> dict[str, Any]:
        while "event" in (message := self.control.recv_json()):
            self.events.append(message)
        return message  # type: ignore[no-any-return]

    def open_run(self, site: str, run: str = "run_1", script: dict[str, Any] | None = None) -> RunChannel:
        ours, theirs = channel_pair()
        ours.settimeout(PATIENCE_S)
        self.runs.append(RunChannel(Channel(ours)))
        with theirs:
            answer = self.ask("open_run", (theirs.fileno(),), run=run, site=site, script=script)
        assert answer["ok"], answer
        return self.runs[-1]

    def check(self, installation: Installation, *names: str) -> list[str]:
        rows = []
        for name in names:
            columns = "site_id, name, revision, epoch, sealed"
            found = installation.sql(f"SELECT {columns} FROM secrets WHERE name=?", name)
            rows += [dict(zip(("site", "name", "revision", "epoch", "sealed"), row, strict=True)) for row in found]
        for row in rows:
            row["sealed"] = base64.b64encode(row["sealed"]).decode()
        answer = self.ask("check", secrets=rows)
        assert answer["ok"], answer
        return list(answer["results"])

    def notices(self) -> list[dict[str, Any]]:
        """Return the events so far; a status request behind them makes sure that they are here."""
        self.ask("status")
        return self.events

    def stop(self) -> int:
        """End the keeper as the worker does: close the control channel."""
        self.control.close()
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        for run in self.runs:
            run.channel.close()
        self.control.close()
        if self.process.poll() is None:
            self.kill()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)


Start = Callable[..., KeeperProcess]


@pytest.fixture(scope="session")
def empty_app_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("app") / "app.db"
    database = Database.open(path)
    upgrade(database)
    database.close()
    return path


@pytest.fixture
def installation(tmp_path: Path, empty_app_db: Path) -> Installation:
    home = create_home(tmp_path / "home")
    shutil.copy(empty_app_db, home.app_db)
    node_key = tmp_path / "elsewhere" / "node.key"
    keys = create_keys(FileCustody(node_key), [SITE_A, SITE_B])
    initialise(home.keeper_db, keys)
    made = Installation(home, node_key, keys)
    for site in (SITE_A, SITE_B):
        made.sql("INSERT INTO sites (id, name, created_ms) VALUES (?, ?, ?)", site, site[-4:], SystemClock().now_ms())
    return made


@pytest.fixture
def start(installation: Installation) -> Iterator[Start]:
    started: list[KeeperProcess] = []

    def run(of: Installation = installation, prefix: tuple[str, ...] = ()) -> KeeperProcess:
        ours, theirs = channel_pair()
        ours.settimeout(PATIENCE_S)
        command = [*prefix, sys.executable, "-I", "-m", "nightdrop.worker.keeper", *of.arguments]
        with theirs:
            process = subprocess.Popen(
                [*command, "--control-fd", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"]},
            )
        started.append(KeeperProcess(process, Channel(ours)))
        return started[-1]

    yield run
    for each in started:
        each.close()


@pytest.fixture
def keeper(start: Start) -> KeeperProcess:
    return start()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = channel_pair()
    with ours, theirs:
        yield ours, theirs
