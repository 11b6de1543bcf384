"""A home that is full, read-only, somebody else's, too new, or without its key: plain errors, and nothing is lost."""

import contextlib
import os
import re
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import silent_server
from machine import Machine
from support import Installation, wait_until

FULL = "error: The disk of the database is full.\nhint: Nothing was changed. Free some space, then try again.\n"


@dataclass
class OnSmallDisk(Installation):
    """An installation whose home is a small file system of its own, in a mount namespace that any user may make."""

    holder: subprocess.Popen[bytes] | None = None

    def mount(self) -> None:
        self.home.mkdir()
        script = f"mount -t tmpfs -o size=12m,mode=700 tmpfs '{self.home}' && echo ready && exec cat"
        self.holder = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.holder.stdout.readline() == b"ready\n"

    @property
    def enter(self) -> list[str]:
        return ["nsenter", "--user", "--mount", "--preserve-credentials", f"--target={self.holder.pid}", "--"]

    @property
    def argv(self) -> list[str]:
        return [*self.enter, *super().argv]

    @property
    def inside(self) -> Path:
        """The home as it is in there, to be looked at from here."""
        return Path(f"/proc/{self.holder.pid}/root{self.home}")

    def fill(self) -> None:
        with (self.inside / "ballast").open("wb", 0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)

    def free(self) -> None:
        (self.inside / "ballast").unlink()

    def close(self) -> None:
        self.stop()
        self.holder.stdin.close()
        self.holder.wait(10)
        self.holder.stdout.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[OnSmallDisk]:
    made = OnSmallDisk(tmp_path)
    made.mount()
    try:
        made.init()
        yield made
    finally:
        made.close()


QUERY = """
import sqlite3, sys
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
for statement in sys.argv[2:]:
    for row in connection.execute(statement):
        print(row)
"""


def query(disk: OnSmallDisk, database: str, *statements: str) -> str:
    """Read a database from inside: SQLite resolves links, so it would not find it from here."""
    path = str(disk.home / database)
    done = subprocess.run(
        [*disk.enter, sys.executable, "-c", QUERY, path, *statements], capture_output=True, check=True
    )
    return done.stdout.decode()


def stored(disk: OnSmallDisk) -> str:
    """Return everything that a change would show in."""
    columns = {"secrets": "name, revision, sealed, description"}
    tables = ("sites", "secrets", "scripts", "script_versions", "audit", "runs")
    return query(disk, "data/app.db", *(f"SELECT {columns.get(t, '*')} FROM {t} ORDER BY 1" for t in tables))


def test_a_full_disk(disk: OnSmallDisk) -> None:
    value = secrets.token_hex(16)
    disk.start()
    disk.ok("site", "set", "default", "egress_allow=127.0.0.1")
    disk.ok("secret", "set", "key", stdin=value)
    (disk.folder / "check.js").write_text('Log(GetSecret("key").length);')
    check, waits = str(disk.folder / "check.js"), str(disk.folder / "waits.js")
    disk.ok("script", "push", check)
    disk.ok("script", "run", "check")
    wait_until(lambda: "ok" in disk.ok("secret", "ls", "--json").out, "the check of the secret")
    with silent_server() as (url, asked, answer):
        get = f'new HttpCli().Url("{url}").Get();'
        code = f'{get} const got = [GetSecret("key"), GetSecret("key")]; Log(JSON.stringify(got)); {get}'
        (disk.folder / "waits.js").write_text(code)
        run = disk.ok("exec", waits, "--no-wait").out.strip()
        assert asked.wait(30)
        before = stored(disk)
        disk.fill()
        commands = [
            (("secret", "set", "key"), "another value"),
            (("secret", "set", "new"), "another value"),
            (("secret", "rm", "key", "--yes"), None),
            (("script", "push", waits), None),
            (("script", "push", check, "--name", "copy"), None),
            (("script", "rm", "check"), None),
            (("script", "run", "check"), None),
            (("exec", check), None),
            (("site", "add", "more"), None),
        ]
        for arguments, stdin in commands:
            result = disk.run(*arguments, stdin=stdin)
            assert (result.status, result.out, result.err) == (1, "", FULL), arguments
        assert stored(disk) == before
        assert [row["name"] for row in disk.ok("secret", "ls", "--json").json] == ["key"]
        released = audited(disk)
        asked.clear()
        answer.set()
        # The script goes on to its second request: it has asked for the secret by then.
        assert asked.wait(30)
        assert audited(disk) == released
        disk.free()
    shown = wait_until(
        lambda: (r := disk.ok("run", "show", run, "--json").json)["ended_ms"] and r, "the end of the run"
    )
    assert shown["state"] == "succeeded", shown
    log = disk.ok("logs", run)
    assert log.out == '["",""]\n'
    assert "the audit log cannot be written, so no value is released" in log.err
    for name in ("key", "new"):
        disk.ok("secret", "set", name, stdin=value)
    assert disk.ok("script", "run", "check").out == "32\n"
    disk.ok("secret", "rm", "new", "--yes")
    assert "fail" not in {check["state"] for check in disk.ok("doctor", "--json").json["checks"]}


def audited(disk: OnSmallDisk) -> str:
    """Return how many releases the keeper has written down."""
    return query(disk, "keeper/keeper.db", "SELECT count(*) FROM audit WHERE body LIKE '%secret.read%'")


def test_a_start_on_a_full_disk(disk: OnSmallDisk) -> None:
    disk.fill()
    result = disk.run("up", "--listen", "127.0.0.1:0", timeout=30)
    assert result.status == 1
    assert result.err.startswith("error: "), result.err
    assert "disk" in result.err
    assert "Traceback" not in result.err
    disk.free()
    disk.start()
    assert disk.exec_js('Log("served");').out == "served\n"


@pytest.mark.parametrize("command", ["up", "web", "worker", "doctor"])
def test_a_read_only_home(disk: OnSmallDisk, command: str) -> None:
    subprocess.run([*disk.enter, "mount", "-o", "remount,bind,ro", str(disk.home)], check=True)
    result = disk.run(command, timeout=30)
    assert result.status == 1
    assert f"{disk.home} cannot be written." in result.out + result.err
    assert "mounted read-only" in result.out + result.err
    assert "Traceback" not in result.err


# The checks of doctor run in a process of their own, which would be ourselves again.
AS_SOMEBODY_ELSE = """
import dataclasses, os, pathlib
os.geteuid = lambda: 54321
from nightdrop.cli import doctor, main
from nightdrop.install.doctor import examine
doctor.install = lambda *given: {"checks": [dataclasses.asdict(each) for each in examine(pathlib.Path(given[2]))]}
main()
"""


@pytest.mark.parametrize("command", ["up", "web", "worker", "doctor", "secret ls", "init"])
def test_the_home_of_another_user(installation: Installation, command: str) -> None:
    """Root gives it to somebody else; anybody else, who cannot, is somebody else."""
    own = os.geteuid() == 0
    if own:
        os.chown(installation.home, 54321, 54321)
    start = [*installation.argv] if own else [sys.executable, "-c", AS_SOMEBODY_ELSE]
    done = subprocess.run(
        [*start, *command.split()], env=installation.env, capture_output=True, timeout=30, check=False
    )
    text = (done.stdout + done.stderr).decode()
    assert done.returncode == 1
    if command == "init":
        assert f"{installation.home} is a nightdrop home already." in text
        return
    assert f"{installation.home} belongs to another user." in text
    assert "Run nightdrop as the user who owns the directory" in text


@pytest.mark.parametrize("command", ["up", "web", "worker", "doctor"])
@pytest.mark.parametrize("what", ["home", "database"])
def test_what_a_newer_version_made(installation: Installation, command: str, what: str) -> None:
    if what == "home":
        marker = installation.home / "nightdrop.json"
        marker.write_text(re.sub(r'"format": \d+', '"format": 999', marker.read_text()))
    else:
        with contextlib.closing(sqlite3.connect(installation.home / "data" / "app.db")) as db, db:
            db.execute("UPDATE alembic_version SET version_num = '9999'")
    result = installation.run(command, timeout=30)
    text = result.out + result.err
    assert result.status == 1
    assert f"{'This home' if what == 'home' else 'The database'} was made by a newer nightdrop." in text
    assert "Install the nightdrop version that made it, or a newer one." in text
    assert "Traceback" not in text


def break_key(installation: Installation, how: str) -> Path:
    (key,) = (installation.folder / "config" / "nightdrop" / "keys").glob("*.key")
    kept = key.with_suffix(".kept")
    key.rename(kept)
    if how == "wrong":
        other = Installation(installation.folder / "other")
        other.folder.mkdir()
        other.init()
        (wrong,) = (other.folder / "config" / "nightdrop" / "keys").glob("*.key")
        wrong.rename(key)
    if how == "garbage":
        key.write_bytes(b"not a key")
        key.chmod(0o600)
    return kept


def test_without_the_node_key(installation: Installation) -> None:
    """The server starts, lists, and says which site cannot be opened and why; a run gets "" and goes on."""
    installation.start()
    installation.ok("secret", "set", "key", stdin="the value")
    installation.stop()
    machine = Machine(installation)
    for how in ("missing", "wrong", "garbage"):
        kept = break_key(installation, how)
        installation.start()
        opens_nothing(machine, how)
        installation.stop()
        kept.rename(kept.with_suffix(".key"))
    installation.start()
    assert installation.exec_js('Log(GetSecret("key").length);').out == "9\n"
    machine.chain_holds()


def opens_nothing(machine: Machine, how: str) -> None:
    installation = machine.installation
    assert [row["name"] for row in installation.ok("secret", "ls", "--json").json] == ["key"], how
    wait_until(lambda: "Cannot be opened" in installation.ok("site", "ls").out, "the reason in the list of sites")
    doctor = installation.run("doctor")
    assert doctor.status == 1, how
    assert "no secret can be opened" in doctor.out, how
    result = installation.exec_js('Log("[" + GetSecret("key") + "]");')
    assert (result.status, result.out) == (0, "[]\n"), how
    assert result.err == 'warning: GetSecret("key"): it cannot be decrypted\n', how
    assert machine.keeper_events()[-1]["event"] == "secret.refused.no_key", how
