"""Rows changed behind the back of a running installation: the script gets "", the audit log says why, the list shows it."""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from machine import Machine
from support import Installation, wait_until

Row = dict[str, Any]
COLUMNS = "id, site_id, name, name_key, search, revision, epoch, sealed, health, created_ms, updated_ms, updated_by"


class Vandal:
    """Writes into app.db as somebody who took over the web process could."""

    def __init__(self, machine: Machine) -> None:
        self._path = machine.installation.home / "data" / "app.db"

    def sql(self, statement: str, *values: Any) -> list[Row]:
        with contextlib.closing(sqlite3.connect(self._path, timeout=10)) as connection, connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, values)]

    def rows(self) -> list[Row]:
        return self.sql(f"SELECT {COLUMNS} FROM secrets ORDER BY id")

    def site(self, name: str) -> str:
        return str(self.sql("SELECT id FROM sites WHERE name = ?", name)[0]["id"])

    def row(self, name: str) -> Row:
        return self.sql(f"SELECT {COLUMNS} FROM secrets WHERE name = ? AND site_id = ?", name, self.site("default"))[0]

    def replace(self, rows: list[Row]) -> None:
        with contextlib.closing(sqlite3.connect(self._path, timeout=10)) as connection, connection:
            connection.execute("DELETE FROM secrets")
            marks = ", ".join("?" * len(COLUMNS.split(", ")))
            for row in rows:
                connection.execute(f"INSERT INTO secrets ({COLUMNS}) VALUES ({marks})", list(row.values()))

    def change(self, which: str, **columns: Any) -> None:
        row_id = self.row(which)["id"]
        for column, value in columns.items():
            self.sql(f"UPDATE secrets SET {column} = ? WHERE id = ?", value, row_id)


@pytest.fixture(scope="module")
def machine(shared_server: Installation) -> Machine:
    shared_server.ok("site", "add", "other")
    for name in ("one", "two"):
        shared_server.ok("secret", "set", name, stdin=f"value of {name}")
    shared_server.ok("secret", "set", "one", "--site", "other", stdin="value of the other site's")
    machine = Machine(shared_server)
    machine.old = Vandal(machine).row("two")["sealed"]  # type: ignore[attr-defined]
    shared_server.ok("secret", "set", "two", stdin="newer value of two")
    wait_until(lambda: all(row["health"] == "ok" for row in Vandal(machine).rows()), "the check of every secret")
    return machine


@pytest.fixture
def vandal(machine: Machine) -> Iterator[Vandal]:
    """Whatever was done is undone, and then everything opens again."""
    made = Vandal(machine)
    before = made.rows()
    yield made
    made.replace(before)
    assert get(machine, "one") == b"value of one".hex()
    assert get(machine, "two") == b"newer value of two".hex()


def get(machine: Machine, name: str, site: str = "default") -> str:
    """Return what a script gets, in a form that masking leaves alone."""
    code = f'Log(Array.from(GetSecret("{name}"), (c) => c.charCodeAt(0).toString(16).split("").join("_")).join("-") + ".");'
    run = machine.ended(machine.call("POST", f"/sites/{site}/runs", {"code": code, "name": "x"})["id"])
    assert run["state"] == "succeeded", run
    return machine.log(run["id"])[-1].removesuffix(".").replace("_", "").replace("-", "")


def refused(machine: Machine, name: str, event: str, site: str = "default") -> None:
    """The script gets nothing; that has its own event, and only that; the list goes on and marks the row."""
    before = len(machine.keeper_events())
    assert get(machine, name, site) == ""
    events = [entry for entry in machine.keeper_events()[before:] if entry["event"].startswith("secret.")]
    assert [(entry["event"], entry["secret"]) for entry in events] == [(f"secret.refused.{event}", name)]
    machine.chain_holds()

    def marked() -> bool:
        items = machine.call("GET", f"/sites/{site}/secrets")["items"]
        return all(item["health"] not in {"ok", "unchecked"} for item in items if item["name"] == name)

    wait_until(marked, f"the mark on {name}")


@pytest.mark.parametrize("position", [0, 2, 4, 6, 10, 11, 1098, 1099, 1130, 1131, -17, -16, -1])
def test_a_flipped_bit(machine: Machine, vandal: Vandal, position: int) -> None:
    """In each field of the sealed form: version, three of the suite, epoch, both halves of enc, ciphertext, tag."""
    sealed = bytearray(vandal.row("one")["sealed"])
    sealed[position] ^= 1
    vandal.change("one", sealed=bytes(sealed))
    refused(machine, "one", "swapped")


@pytest.mark.parametrize(
    ("columns", "event"),
    [
        ({"revision": 0}, "format"),
        ({"revision": 2}, "authentication"),
        ({"revision": 2**62}, "authentication"),
        ({"revision": "x"}, "format"),
        ({"epoch": 2}, "epoch"),
        ({"epoch": 0}, "format"),
        ({"sealed": "text"}, "format"),
        ({"sealed": b""}, "swapped"),
        ({"sealed": b"", "revision": 7}, "format"),
    ],
)
def test_a_changed_column(machine: Machine, vandal: Vandal, columns: Row, event: str) -> None:
    vandal.change("one", **columns)
    refused(machine, "one", event)


@pytest.mark.parametrize("column", ["created_ms", "updated_ms", "last_used_ms", "updated_by", "description", "health"])
@pytest.mark.parametrize("value", ["text", b"\xff", 1.5, 2**62])
def test_a_column_of_a_wrong_type_does_not_break_the_list(
    machine: Machine, vandal: Vandal, column: str, value: object
) -> None:
    vandal.change("one", **{column: value})
    items = machine.call("GET", "/sites/default/secrets")["items"]
    assert sorted(item["name"] for item in items) == ["one", "two"]


def test_columns_that_only_describe_change_nothing_that_counts(machine: Machine, vandal: Vandal) -> None:
    """The control: the same hands, a column that is not sealed."""
    vandal.change("one", updated_by="somebody", updated_ms=1)
    assert get(machine, "one") == b"value of one".hex()


def test_two_rows_swapped(machine: Machine, vandal: Vandal) -> None:
    one, two = vandal.row("one"), vandal.row("two")
    vandal.change("one", sealed=two["sealed"], revision=two["revision"])
    vandal.change("two", sealed=one["sealed"], revision=one["revision"])
    refused(machine, "one", "authentication")
    refused(machine, "two", "rollback")


def test_a_row_moved_to_another_name(machine: Machine, vandal: Vandal) -> None:
    vandal.change("one", name="renamed", name_key="renamed")
    refused(machine, "renamed", "authentication")
    assert get(machine, "one") == ""
    assert machine.keeper_events()[-1]["event"] == "secret.missing"


def test_a_row_copied_over_that_of_another_site(machine: Machine, vandal: Vandal) -> None:
    vandal.sql("UPDATE secrets SET sealed = ? WHERE site_id = ?", vandal.row("one")["sealed"], vandal.site("other"))
    refused(machine, "one", "swapped", site="other")


def test_a_row_moved_to_another_site(machine: Machine, vandal: Vandal) -> None:
    vandal.change("two", site_id=vandal.site("other"))
    refused(machine, "two", "authentication", site="other")


def test_an_older_revision_put_back(machine: Machine, vandal: Vandal) -> None:
    vandal.change("two", sealed=machine.old, revision=1)  # type: ignore[attr-defined]
    refused(machine, "two", "rollback")


def test_an_older_value_under_the_newer_number(machine: Machine, vandal: Vandal) -> None:
    vandal.change("two", sealed=machine.old)  # type: ignore[attr-defined]
    refused(machine, "two", "swapped")


def test_what_people_see(machine: Machine, vandal: Vandal) -> None:
    vandal.change("one", epoch=9)
    refused(machine, "one", "epoch")
    listed = machine.installation.ok("secret", "ls").out
    assert "two" in listed
    assert "cannot be opened" in next(line for line in listed.splitlines() if line.startswith("one"))
    result = machine.installation.exec_js('Log(GetSecret("one") === "");')
    assert (result.out, result.err) == ("true\n", 'warning: GetSecret("one"): it cannot be decrypted\n')
