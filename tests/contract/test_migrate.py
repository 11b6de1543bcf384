"""The schema: what the migrations make is what the code declares, and being killed on the way does no harm."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from nightdrop.core import revisions
from nightdrop.db import migrate
from nightdrop.db.engine import Database
from nightdrop.db.errors import DatabaseNotReadyError, DatabaseTooNewError
from nightdrop.db.tables.partial import metadata
from vault import fill

_MIGRATIONS = Path(migrate.__file__).parent / "migrations"

# Kills itself after a number of statements inside the migration.
_KILLED = """
import os, signal, sys
from sqlalchemy import Engine, event
from nightdrop.db.engine import Database
from nightdrop.db.migrate import upgrade
left = int(sys.argv[2])
def count(connection, cursor, statement, *rest):
    global left
    left -= statement.startswith(("CREATE", "INSERT", "\\nCREATE"))
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(Engine, "after_cursor_execute", count)
upgrade(Database.open(sys.argv[1]))
"""

_SQLITE_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version' ORDER BY 1, 2"
_POSTGRES_SCHEMA = """
SELECT 'column', c.table_name, c.column_name,
       concat_ws(' ', c.data_type, c.collation_name, c.is_nullable, c.column_default)
FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.table_name <> 'alembic_version'
UNION ALL
SELECT 'index', tablename, indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename <> 'alembic_version'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
ORDER BY 1, 2, 3"""


def schema(db):
    with db.read() as connection:
        rows = connection.execute(text(_SQLITE_SCHEMA if db.is_sqlite else _POSTGRES_SCHEMA)).all()
    # Which comes first does not matter, nor how it is broken into lines.
    return [tuple(re.sub(r"\s+", " ", str(part)) for part in row) for row in rows]


@pytest.fixture
def empty(empty_url):
    with Database.open(empty_url) as db:
        yield db


def test_an_empty_database_is_brought_here(empty):
    assert migrate.current(empty) is None
    with pytest.raises(DatabaseNotReadyError):
        migrate.require_head(empty)
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.head()
    migrate.require_head(empty)
    before = schema(empty)
    migrate.upgrade(empty)
    assert schema(empty) == before


def test_all_migrations_together_make_what_is_declared(empty):
    with empty.write() as connection:
        metadata.create_all(connection)
    declared = schema(empty)
    assert len(declared) > 20
    with empty.write() as connection:
        metadata.drop_all(connection)
    assert schema(empty) == []
    migrate.upgrade(empty)
    assert schema(empty) == declared


def test_every_migration_is_known_in_its_order():
    found = [script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()]
    assert tuple(reversed(found)) == revisions.REVISIONS


def test_a_newer_database_is_left_alone(db):
    with db.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = schema(db)
    for attempt in (migrate.upgrade, migrate.require_head):
        with pytest.raises(DatabaseTooNewError) as caught:
            attempt(db)
        assert "newer" in caught.value.hint
    assert migrate.current(db) == "9999"
    assert schema(db) == before


def test_two_at_the_same_time(empty_url):
    def run(_):
        with Database.open(empty_url) as db:
            migrate.upgrade(db)
            return migrate.current(db)

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(run, range(2))) == [migrate.head()] * 2


@pytest.mark.parametrize("statements", [0, 3, 14])
def test_killed_on_the_way_it_is_as_it_was(empty_url, statements):
    done = subprocess.run([sys.executable, "-c", _KILLED, empty_url, str(statements)], check=False, timeout=60)
    assert done.returncode == -9
    with Database.open(empty_url) as db:
        assert migrate.current(db) is None
        assert schema(db) == []
        migrate.upgrade(db)
        migrate.require_head(db)


def test_secrets_that_are_there_already_get_into_the_index_of_the_search(vault, monkeypatch):
    monkeypatch.setattr(revisions, "REVISIONS", revisions.REVISIONS[: revisions.REVISIONS.index("0005") + 1])
    triggers = ("secrets_added", "secrets_search_left", "secrets_search_set", "secrets_removed")
    on = "" if vault.db.is_sqlite else " ON secrets"
    with vault.db.write() as connection:
        for statement in [f"DROP TRIGGER {name}{on}" for name in triggers]:
            connection.execute(text(statement))
        for table in ("secret_grams", "secret_numbers"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0004'"))
    fill(vault, [(f"old-{number}", "of before", 1, 1) for number in range(450)])
    migrate.upgrade(vault.db)
    assert vault.names(search="old-449") == ["old-449"]
    assert len(vault.names(search="of before", limit=500)) == 450
    with vault.db.read() as connection:
        numbered = connection.execute(text("SELECT count(DISTINCT number) FROM secret_grams")).scalar()
    assert numbered == 450
    fill(vault, [("new", "", 1, 1)])
    assert vault.names(search="new") == ["new"]
