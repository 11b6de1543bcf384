"""Ids of one process are in the order in which they were made."""

from concurrent.futures import ThreadPoolExecutor

from nightdrop.core import ids


def test_each_is_greater_than_the_one_before():
    made = [ids.new_id("run") for _ in range(5000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(ids.is_id(each, "run") for each in made)


def test_also_when_the_clock_goes_back(monkeypatch):
    before = ids.new_id("run")
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_000_000_000)
    assert before < ids.new_id("run") < ids.new_id("run")


def test_threads_share_the_order():
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda _: [ids.new_id("run") for _ in range(500)], range(4)))
    assert all(part == sorted(part) for part in parts)
    assert len({each for part in parts for each in part}) == 2000
