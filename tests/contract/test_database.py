"""Transactions, and the driver errors that both databases raise for real."""

import sqlite3
import traceback

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from nightdrop.db.engine import BackupTargetExistsError, BackupUnsupportedError, Database
from nightdrop.db.errors import (
    DatabaseBusyError,
    DatabaseDamagedError,
    DatabaseFailedError,
    DatabaseReadOnlyError,
    DatabaseUnreachableError,
    DiskFullError,
)

_PUT = text("INSERT INTO meta (key, value) VALUES (:key, :value)")
_ALL = text("SELECT key FROM meta ORDER BY key")


def keys(db):
    with db.read() as connection:
        return connection.execute(_ALL).scalars().all()


def test_a_write_is_there_and_a_failed_one_is_not(db):
    with db.write() as connection:
        connection.execute(_PUT, {"key": "a", "value": "1"})
    with pytest.raises(ZeroDivisionError), db.write() as connection:
        connection.execute(_PUT, {"key": "b", "value": "1"})
        raise ZeroDivisionError
    assert keys(db) == ["a"]


def test_a_read_transaction_cannot_write(db):
    with pytest.raises(DatabaseReadOnlyError), db.read() as connection:
        connection.execute(_PUT, {"key": "a", "value": "1"})
    assert keys(db) == []


def test_foreign_keys_hold(db):
    statement = text(
        "INSERT INTO scripts (id, site_id, name, created_ms, updated_ms, version) VALUES ('s', 'none', 'n', 1, 1, 1)"
    )
    with pytest.raises(IntegrityError), db.write() as connection:
        connection.execute(statement)


_FAILING = {
    # A defect of a statement stays as it is, but shows no parameter.
    "sqlite": ["CREATE TRIGGER bad BEFORE INSERT ON meta BEGIN SELECT abs(-9223372036854775808); END"],
    "postgresql": [
        "CREATE FUNCTION bad() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'row %', NEW; END $$",
        "CREATE TRIGGER bad BEFORE INSERT ON meta FOR EACH ROW EXECUTE FUNCTION bad()",
    ],
}


def test_a_driver_error_shows_no_row(db):
    with db.write() as connection:
        for statement in _FAILING[db.dialect]:
            connection.execute(text(statement))
    needle = f"a-needle-in-{db.dialect}"
    expected = "SQL parameters hidden" if db.is_sqlite else "SQLSTATE P0001"
    with pytest.raises(Exception, match=expected) as caught, db.write() as connection:
        connection.execute(_PUT, {"key": needle, "value": needle})
    assert needle not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("53100", DiskFullError),
        ("55P03", DatabaseBusyError),
        ("40P01", DatabaseBusyError),
        ("57P01", DatabaseUnreachableError),
        ("XX001", DatabaseDamagedError),
        ("22012", DatabaseFailedError),
    ],
)
def test_postgres_errors_are_typed(postgres, state, error):
    with (
        Database.open(postgres.url()) as db,
        pytest.raises(error),
        db.write() as connection,
    ):
        connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"))


def test_an_unreachable_server(tmp_path):
    with pytest.raises(DatabaseUnreachableError):
        Database.open(f"postgresql+psycopg://postgres@/none?host={tmp_path}")


def test_a_lost_server_connection_is_replaced(postgres):
    with Database.open(postgres.url()) as db:
        with db.read() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        postgres.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
        with db.read() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1


@pytest.fixture
def file(sqlite_template, tmp_path):
    path = tmp_path / "app.db"
    path.write_bytes(sqlite_template.read_bytes())
    return path


def _pragma(db, statement):
    """Run on the one connection that writes."""
    connection = db._write_engine.raw_connection()
    try:
        return connection.driver_connection.execute(statement).fetchone()
    finally:
        connection.close()


def test_only_a_durable_commit_waits_for_the_disk(file):
    """2 is FULL: the log is synced at the commit; 1 is NORMAL: it is not (SQLite, PRAGMA synchronous)."""
    with Database.open(file) as db:
        levels = []
        for durable in (True, False, True):
            with db.write(durable=durable) as connection:
                connection.execute(_PUT, {"key": f"k{len(levels)}", "value": "v"})
                levels.append(connection.execute(text("PRAGMA synchronous")).scalar())
        assert levels == [2, 1, 2]
        assert len(keys(db)) == 3


def test_sync_is_right_with_and_without_a_log(file):
    with Database.open(file) as db:
        with db.write(durable=False) as connection:
            connection.execute(_PUT, {"key": "k", "value": "v"})
        db.sync()
        file.with_name("app.db-wal").unlink()
        db.sync()


def test_a_full_disk_changes_nothing(file):
    with Database.open(file) as db:
        pages = _pragma(db, "PRAGMA page_count")[0]
        _pragma(db, f"PRAGMA max_page_count={pages}")
        with pytest.raises(DiskFullError), db.write() as connection:
            connection.execute(_PUT, {"key": "a", "value": "small"})
            connection.execute(_PUT, {"key": "b", "value": "x" * 100_000})
        assert keys(db) == []


def test_another_program_holds_the_database(file):
    with Database.open(file) as db:
        _pragma(db, "PRAGMA busy_timeout=0")
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusyError), db.write():
            pass
        assert keys(db) == []
        other.execute("COMMIT")
        other.close()
        with db.write() as connection:
            connection.execute(_PUT, {"key": "a", "value": "1"})


def test_a_damaged_file(tmp_path):
    path = tmp_path / "app.db"
    path.write_bytes(b"not a database, not at all " * 400)
    with pytest.raises(DatabaseDamagedError):
        Database.open(path)


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(DatabaseUnreachableError):
        Database.open(tmp_path / "none" / "app.db")


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "app.db").mkdir()
    with pytest.raises(DatabaseReadOnlyError):
        Database.open(tmp_path / "app.db")


def test_the_file_is_private_and_set_up_for_deletion(tmp_path):
    path = tmp_path / "app.db"
    with Database.open(path) as db:
        with db.write() as connection:
            connection.execute(text("CREATE TABLE t (x)"))
        for name in ("app.db", "app.db-wal", "app.db-shm"):
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        assert _pragma(db, "PRAGMA secure_delete") == (1,)
        assert _pragma(db, "PRAGMA journal_mode") == ("wal",)
        assert _pragma(db, "PRAGMA synchronous") == (2,)
        assert _pragma(db, "PRAGMA foreign_keys") == (1,)
        assert _pragma(db, "PRAGMA temp_store") == (2,)


def test_a_write_inside_a_write_is_noticed(file):
    with Database.open(file) as db, db.write(), pytest.raises(RuntimeError, match="inside"), db.write():
        pass


def test_a_closed_database_stays_closed(db):
    db.close()
    db.close()


def test_a_backup_is_whole_private_and_never_overwrites(db, tmp_path):
    with db.write() as connection:
        connection.execute(_PUT, {"key": "a", "value": "1"})
    target = tmp_path / "copy.db"
    if not db.is_sqlite:
        with pytest.raises(BackupUnsupportedError):
            db.backup(target)
        assert not target.exists()
        return
    db.backup(target)
    assert target.stat().st_mode & 0o777 == 0o600
    with Database.open(target) as copy:
        assert keys(copy) == ["a"]
    with pytest.raises(BackupTargetExistsError):
        db.backup(target)
