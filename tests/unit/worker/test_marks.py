"""Marks of used and broken secrets outlast a database that is away, and do not grow without end."""

import asyncio

import pytest

from nightdrop.db.errors import DatabaseBusyError
from nightdrop.worker import marks as module
from nightdrop.worker.marks import Marks


class Store:
    """Keeps what it is given, unless it is away; ``meanwhile`` happens during a write."""

    def __init__(self):
        self.used, self.unopenable, self.away, self.meanwhile = [], [], False, None

    def mark_used(self, uses):
        self._write(self.used, uses)

    def mark_unopenable(self, found):
        self._write(self.unopenable, found)

    def _write(self, kept, new):
        if self.meanwhile is not None:
            self.meanwhile()
        if self.away:
            raise DatabaseBusyError
        kept += new


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def marks(store):
    return Marks(store)


def write(marks):
    return asyncio.run(marks.write())


def fail_to_write(marks, store):
    store.away = True
    with pytest.raises(DatabaseBusyError):
        write(marks)
    store.away = False


def test_the_last_use_is_written_once(marks, store):
    for at_ms in (5, 7, 6):
        marks.used("site_a", "key", at_ms)
    marks.used("site_b", "key", 1)
    assert marks.fresh
    assert not write(marks)
    assert sorted(store.used) == [("site_a", "key", 7), ("site_b", "key", 1)]
    assert not marks.fresh
    write(marks)
    assert len(store.used) == 2


def test_marks_whose_write_fails_wait_for_the_next_one(marks, store):
    marks.used("site_a", "key", 5)
    marks.used("site_a", "other", 5)
    marks.unopenable("site_a", "broken", "rollback")
    store.meanwhile = lambda: marks.used("site_a", "key", 9)
    fail_to_write(marks, store)
    store.meanwhile = None
    assert write(marks)
    assert sorted(store.used) == [("site_a", "key", 9), ("site_a", "other", 5)]
    assert store.unopenable == [("site_a", "broken", "rollback")]


def test_a_failure_of_one_kind_keeps_the_other_kind(marks, store):
    marks.used("site_a", "key", 5)
    marks.unopenable("site_a", "broken", "rollback")
    mark_used = store.mark_used

    def then_away(uses):
        mark_used(uses)
        store.away = True

    store.mark_used = then_away
    with pytest.raises(DatabaseBusyError):
        write(marks)
    store.away = False
    assert write(marks)
    assert store.used == [("site_a", "key", 5)]
    assert store.unopenable == [("site_a", "broken", "rollback")]


def test_while_the_database_is_away_only_so_many_wait(marks, store, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 3)
    for number in range(4):
        marks.used("site_a", f"n{number}", number)
        marks.unopenable("site_a", f"n{number}", "rollback")
    marks.used("site_a", "n1", 9)
    store.meanwhile = lambda: marks.used("site_a", "n4", 10)
    fail_to_write(marks, store)
    store.meanwhile = None
    write(marks)
    # The uses that are longest ago are forgotten.
    assert store.used == [("site_a", "n3", 3), ("site_a", "n1", 9), ("site_a", "n4", 10)]
    assert [name for _, name, _ in store.unopenable] == ["n1", "n2", "n3"]
