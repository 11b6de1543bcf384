"""Whole installations on a real PostgreSQL, over TCP with passwords, with the two roles of the how-to."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postgres_server import Place, PostgresServer
from support import Installation

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer(tcp=True)
    yield server
    server.stop()


@pytest.fixture
def place(postgres: PostgresServer) -> Place:
    return Place(postgres, f"nd{next(_NUMBERS)}")


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Callable[[str], Installation]]:
    """Makes directories for homes; their servers are stopped in the end."""
    made: list[Installation] = []

    def make(name: str) -> Installation:
        folder = tmp_path / name
        folder.mkdir()
        made.append(Installation(folder))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def installation(place: Place, homes: Callable[[str], Installation]) -> Installation:
    """A home with all its data in PostgreSQL, not started."""
    made = homes("one")
    made.environment |= {"NIGHTDROP_DATABASE": place.url, "NIGHTDROP_KEEPER_DATABASE": place.keeper_url}
    made.init()
    # It has written down where its data is.
    made.environment.clear()
    return made
