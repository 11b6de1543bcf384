"""Every test here runs on SQLite and on PostgreSQL, on an empty database of this version's schema."""

import itertools

import pytest

from accounts import Accounts
from nightdrop.core.clock import FakeClock
from nightdrop.db.engine import Database
from nightdrop.db.migrate import upgrade
from postgres_server import PostgresServer
from vault import Vault

_TEMPLATE = "nightdrop_template"
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres():
    """A server with an upgraded database to copy."""
    server = PostgresServer()
    try:
        server.execute(f"CREATE DATABASE {_TEMPLATE}")
        with Database.open(server.url(_TEMPLATE)) as db:
            upgrade(db)
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """An upgraded file to copy."""
    path = tmp_path_factory.mktemp("template") / "app.db"
    with Database.open(path) as db:
        upgrade(db)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    """Where a database without any table is."""
    yield from _where(request, tmp_path, template=None)


@pytest.fixture(params=["sqlite", "postgresql"])
def db_url(request, tmp_path):
    """Where a database with this version's tables is."""
    template = request.getfixturevalue("sqlite_template") if request.param == "sqlite" else _TEMPLATE
    yield from _where(request, tmp_path, template=template)


@pytest.fixture
def db(db_url):
    """An open database with this version's tables."""
    with Database.open(db_url) as opened:
        yield opened


@pytest.fixture
def clock():
    return FakeClock()


def _where(request, tmp_path, template):
    if request.param == "sqlite":
        path = tmp_path / "app.db"
        if template is not None:
            path.write_bytes(template.read_bytes())
        yield str(path)
        return
    server = request.getfixturevalue("postgres")
    name = f"test_{next(_NUMBERS)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def vault(db, clock):
    """A site with a key, and its stores."""
    return Vault(db, clock)


@pytest.fixture
def accounts(db, clock):
    """Stores of accounts, with cheap hashes."""
    return Accounts(db, clock)
