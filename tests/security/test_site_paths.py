"""Whatever the database says, a run reaches no file that the configuration does not allow its site."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from machine import Machine
from support import Installation


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    base = tmp_path_factory.mktemp("paths")
    (base / "given").mkdir()
    made = Installation(tmp_path_factory.mktemp("installation"), {"NIGHTDROP_SITE_PATHS": str(base)})
    made.copy_new_home()
    made.start()
    yield Machine(made)
    made.stop()


@pytest.fixture
def given(machine: Machine) -> Path:
    return Path(machine.installation.environment["NIGHTDROP_SITE_PATHS"]) / "given"


def spoil(machine: Machine, paths: object) -> None:
    """Write what the web process could write, and would not."""
    with closing(sqlite3.connect(machine.installation.home / "data" / "app.db")) as connection, connection:
        connection.execute("UPDATE sites SET settings = ?", (json.dumps({"paths": paths}),))


def test_what_the_keeper_has_is_out_of_reach_whatever_the_database_says(machine: Machine, given: Path) -> None:
    home = machine.installation.home
    targets = {
        home: home / "keeper" / "keeper.db",
        home / "keeper": home / "keeper" / "keeper.db",
        home / "data": home / "data" / "app.db",
        home.parent: home / "keeper" / "keeper.db",
        home.parent / "config": home.parent / "config" / "nightdrop" / "keys",
        Path("/"): Path("/etc/passwd"),
        Path("/etc"): Path("/etc/passwd"),
        Path("/proc"): Path("/proc/self/environ"),
        given / ".." / "..": home / "nightdrop.json",
    }
    spoil(machine, [str(path) for path in targets] + [f"{path}:ro" for path in targets] + [str(given)])
    (given / "x").write_text("given")
    files = json.dumps([str(file) for file in targets.values()])
    run, log = machine.finish(
        f"for (const f of {files}) Log(FileExists(f), ReadTextFile(f) === '', ListDir(f), WriteTextFile(f, 'x'));"
        f"Log(ReadTextFile({json.dumps(str(given / 'x'))}));"
    )
    assert run["state"] == "succeeded"
    assert [line for line in log if line.startswith(("true", "false"))] == ["false true null false"] * len(targets)
    assert log[-1] == "given"
    assert machine.installation.ok("doctor").status == 0


@pytest.mark.parametrize("paths", [5, "text", {"a": 1}, [5, None, ["x"]], ["\0", "x", ""], None])
def test_nonsense_in_the_database_stops_nothing(machine: Machine, paths: object) -> None:
    spoil(machine, paths)
    assert machine.finish("Log(WriteTextFile('x', 'y'), FileExists('/srv/x'))")[1][-1] == "true false"


def test_many_runs_each_with_its_own_directories(machine: Machine, given: Path) -> None:
    """Settings change between runs, pairs are made for each, and none is left over."""
    site = machine.installation
    for number in range(4):
        folder = given / str(number)
        folder.mkdir()
        site.ok("site", "set", "default", f"paths={folder}")
        ids = [machine.start_run(f'Log(WriteTextFile("{folder}/{n}", "x"), FileExists("{given}/x"))') for n in range(3)]
        for run_id in ids:
            assert machine.ended(run_id)["state"] == "succeeded"
            assert machine.log(run_id)[-1] == "true false"
        assert len(list(folder.iterdir())) == 3
    site.ok("site", "set", "default", "paths=")
    assert machine.finish(f'Log(FileExists("{given}/x"))')[1][-1] == "false"
