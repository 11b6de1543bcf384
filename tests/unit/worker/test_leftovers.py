"""What killed runs left unfinished goes; nothing else does."""

import asyncio
import os
from pathlib import Path

import pytest

from nightdrop.core.clock import FakeClock
from nightdrop.syncjs.files.steps import temporary_name
from nightdrop.worker.leftovers import OLD_S, Leftovers, sweep

HOUR_MS = 3_600_000


@pytest.fixture
def site(tmp_path: Path) -> Path:
    made = tmp_path / "site"
    (made / "deep" / "er").mkdir(parents=True)
    return made


def old(path: Path) -> Path:
    path.write_text("x")
    os.utime(path, (1, 1))
    return path


def test_what_is_unfinished_and_old_goes(site: Path) -> None:
    gone = [old(site / temporary_name()), old(site / "deep" / "er" / temporary_name())]
    assert sweep(site, 100) == 2
    assert not any(path.exists() for path in gone)


@pytest.mark.parametrize("name", ["a.part", ".part", ".0123456789abcde.part", ".0123456789ABCDEF.part", "x.tempfile"])
def test_files_of_people_stay(site: Path, name: str) -> None:
    kept = old(site / name)
    assert sweep(site, 100) == 0
    assert kept.exists()


def test_what_is_on_its_way_stays(site: Path) -> None:
    (site / temporary_name()).write_text("x")
    assert sweep(site, 100) == 0


def test_links_are_not_followed_and_directories_stay(site: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    kept = old(outside / temporary_name())
    (site / "way-out").symlink_to(outside)
    (site / temporary_name()).symlink_to(kept)
    (site / temporary_name()).mkdir()
    sweep(site, 100)
    assert kept.exists()


def test_it_looks_at_the_start_and_every_six_hours(site: Path) -> None:
    clock = FakeClock()
    leftovers = Leftovers(clock, lambda: [site, site / "not there"])

    def left_after_a_look() -> bool:
        made = old(site / temporary_name())
        asyncio.run(leftovers.look())
        return made.exists()

    assert left_after_a_look() is False
    assert left_after_a_look() is True
    clock.advance(6 * HOUR_MS)
    assert left_after_a_look() is False
    assert OLD_S == 3600
