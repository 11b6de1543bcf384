"""The running machine from the outside: its processes by role, its runs over the admin socket."""

import contextlib
import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nightdrop.audit.keeper_chain import verify_chain
from nightdrop.cli.client import Client
from nightdrop.cli.errors import ServerDownError
from support import DEADLINE_S, Installation, alive, children_of, command_line, descendants_of, wait_until

ENDED = {"succeeded", "failed", "timed_out", "killed", "cancelled", "lost"}
_MODULES = {
    "web": "nightdrop.api",
    "worker": "nightdrop.worker",
    "keeper": "nightdrop.worker.keeper",
    "broker": "nightdrop.worker.broker",
}
_ZYGOTE = "nightdrop.worker.zygote"
ROLES = (
    *("up", *_MODULES),
    *("gateway", "gateway zygote", "gateway zygote's parent"),
    *("runner", "runner zygote", "runner zygote's parent"),
)


def started_at(pid: int) -> int:
    """Return when a process started, in clock ticks; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def state_of(pid: int) -> str:
    """Return the letter of a process's state, ``""`` when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _below(role: str, parent: int) -> dict[str, int]:
    """Return a zygote's parent, the zygote, and the child of it that has, or gets, the next run: the oldest."""
    found = {f"{role} zygote's parent": parent}
    for zygote in children_of(parent):
        found[f"{role} zygote"] = zygote
        oldest = sorted(children_of(zygote), key=lambda pid: (started_at(pid), pid))
        found |= {role: oldest[0]} if oldest else {}
    return found


@dataclass
class Machine:
    """One installation whose processes can be told apart, and everyone of them that was ever seen."""

    installation: Installation
    seen: dict[int, int] = field(default_factory=dict)

    @property
    def top(self) -> int:
        assert self.installation.process is not None
        return self.installation.process.pid

    # Processes

    def roles(self) -> dict[str, int]:
        """Return the process of each role; gateway and runner are those that have, or get, the next run."""
        found = {"up": self.top}
        for pid in descendants_of(self.top):
            self.seen[pid] = started_at(pid)
            line = command_line(pid)
            found |= {role: pid for role, module in _MODULES.items() if f"-m {module} " in line}
        self.seen[self.top] = started_at(self.top)
        for pid in children_of(found.get("worker", 0)):
            line = command_line(pid)
            for role in ("gateway", "runner"):
                if f"-m {_ZYGOTE} " in line and f" --role {role} " in line:
                    found |= _below(role, pid)
        return found

    def whole(self) -> dict[str, int]:
        """Wait until every role has a process."""
        wanted = len(ROLES)

        def complete() -> dict[str, int] | None:
            found = self.roles()
            return found if len(found) == wanted else None

        try:
            return dict(wait_until(complete, "the whole tree of processes"))
        except AssertionError:
            raise AssertionError(f"{self.roles()}\n{self.installation.server_log()[-2000:]}") from None

    def kill(self, pid: int) -> None:
        """SIGKILL, and wait until it is dead, and everything below it."""
        below = {each: started_at(each) for each in descendants_of(pid)}
        born = started_at(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if pid == self.top:
            self.installation.stop(signal.SIGKILL)
        for each, its_start in {**below, pid: born}.items():
            wait_until(lambda: not alive(each) or started_at(each) != its_start, f"the death of {each}")  # noqa: B023 - called at once

    def no_orphans(self) -> None:
        """Wait until everything that was ever seen is dead or stands below the supervisor, and no other of this home."""
        up = self.installation.process is not None

        def leftovers() -> list[str]:
            ours = {self.top, *descendants_of(self.top)} if up else set()
            left = [pid for pid, born in self.seen.items() if born and started_at(pid) == born and alive(pid)]
            left += [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and self._is_ours(each)]
            return [f"{pid} {command_line(pid)}" for pid in {*left} - ours]

        with contextlib.suppress(AssertionError):
            wait_until(lambda: not leftovers(), "no orphan")
        assert leftovers() == []

    def _is_ours(self, process: Path) -> bool:
        line = command_line(int(process.name))
        return f" {self.installation.home} " in line or f" {self.installation.home}/sites " in line

    # Runs

    def client(self) -> Client:
        return Client(self.installation.home / "run" / "admin.sock")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Make one request; a web process that is on its way back is waited for."""
        end = time.monotonic() + DEADLINE_S
        while True:
            try:
                with self.client() as client:
                    return client.call(method, path, body=body)
            except ServerDownError:
                assert time.monotonic() < end, "the web process does not come back"
                time.sleep(0.02)

    def start_run(self, code: str | None = None, **body: Any) -> str:
        given = {"code": code, "name": "test.js"} if code is not None else {}
        return str(self.call("POST", "/sites/default/runs", {**given, **body})["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/runs/{run_id}"))

    def log(self, run_id: str) -> list[str]:
        return [line["text"] for line in self.call("GET", f"/runs/{run_id}/logs")["items"]]

    def ended(self, run_id: str, deadline_s: float = DEADLINE_S) -> dict[str, Any]:
        """Wait for a run's end and return the run."""

        def end() -> dict[str, Any] | None:
            run = self.run(run_id)
            return run if run["state"] in ENDED else None

        return dict(wait_until(end, f"the end of the run, which is {self.run(run_id)}", deadline_s))

    def finish(self, code: str, **body: Any) -> tuple[dict[str, Any], list[str]]:
        """Run a script to its end; return the run and its log."""
        run = self.ended(self.start_run(code, **body))
        return run, self.log(run["id"])

    def wait_for_line(self, run_id: str, text: str) -> None:
        wait_until(lambda: text in self.log(run_id), f"the line {text!r} of run {run_id}")

    # What must hold whatever happened

    def chain_holds(self) -> None:
        result = verify_chain(self.installation.home / "keeper" / "keeper.db")
        assert result.ok, result

    def keeper_events(self) -> list[dict[str, Any]]:
        """Return the keeper's audit entries, the oldest first."""
        path = self.installation.home / "keeper" / "keeper.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return [json.loads(body) for (body,) in connection.execute("SELECT body FROM audit ORDER BY seq")]


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Hold a process with SIGSTOP; it goes on afterwards, if it still lives."""
    born = started_at(pid)
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: state_of(pid) in {"T", "t", ""}, f"{pid} to stop")
    try:
        yield
    finally:
        if started_at(pid) == born:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
