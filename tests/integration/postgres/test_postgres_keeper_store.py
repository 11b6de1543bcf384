"""The keeper's store on PostgreSQL: one chain for each host, shared marks, lost connections, and nobody else's identity."""

from pathlib import Path

import psycopg
import pytest

from nightdrop.audit.chain import Break
from nightdrop.audit.events import Event
from nightdrop.audit.keeper_chain import open_keeper_logs
from nightdrop.core.clock import FakeClock
from nightdrop.keys.bootstrap import NewKeys, create_keys
from nightdrop.keys.custody_file import FileCustody
from nightdrop.keys.keeper_db import KeeperDbExistsError, KeeperDbTooNewError
from nightdrop.keys.keeper_postgres import KeeperDbUnreachableError, KeeperSchemaMissingError, initialise_schema
from nightdrop.keys.known_identity import IdentityReplacedError, check_identity
from nightdrop.worker.keeper import store_postgres
from nightdrop.worker.keeper.keyring import Keyring
from nightdrop.worker.keeper.store import HighWater, NotWrittenError
from nightdrop.worker.keeper.store_postgres import PostgresKeeperStore
from postgres_server import Place

LOSE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'"


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> tuple[NewKeys, Path]:
    path = tmp_path_factory.mktemp("keys") / "node.key"
    return create_keys(FileCustody(path), ["site_1"]), path


@pytest.fixture
def open_store(place: Place, keys, tmp_path):
    initialise_schema(place.keeper_url, "one", keys[0])
    opened = []

    def make(home: str = "one", part: str = "") -> PostgresKeeperStore:
        known = tmp_path / f"known-{home}"
        opened.append(PostgresKeeperStore(place.keeper_url, home, FakeClock(1000), known=known, part=part))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def read(store: PostgresKeeperStore, secret: str = "key") -> None:
    store.record(Event.SECRET_READ, {"secret": secret})


def verified(place: Place) -> dict[str, tuple[bool, int]]:
    with open_keeper_logs(place.keeper_url) as logs:
        results = {chain: logs.log(chain).verify() for chain in logs.chains()}
    return {chain: (result.ok, result.entries) for chain, result in results.items()}


def test_each_host_has_a_chain_of_its_own(open_store, place: Place) -> None:
    stores = [open_store("one"), open_store("two"), open_store("one", "admin")]
    for _ in range(3):
        for store in stores:
            read(store)
    open_store("two").close()
    assert verified(place) == {"one": (True, 3), "one/admin": (True, 3), "two": (True, 3)}
    # Not even the first entry fits into another chain.
    place.server.execute("DELETE FROM nightdrop_keeper.audit WHERE chain = 'two'", place.name)
    place.server.execute("UPDATE nightdrop_keeper.audit SET chain = 'two' WHERE chain = 'one'", place.name)
    with open_keeper_logs(place.keeper_url) as logs:
        assert logs.log("two").verify().reason is Break.PREVIOUS


def test_a_changed_entry_is_found(open_store, place: Place) -> None:
    store = open_store()
    for _ in range(3):
        read(store)
    place.server.execute("UPDATE nightdrop_keeper.audit SET body = body || '\\x20' WHERE seq = 2", place.name)
    assert verified(place) == {"one": (False, 1)}


def test_a_lost_connection_is_made_again(open_store, place: Place) -> None:
    store = open_store()
    read(store)
    place.server.query(LOSE.format(place.keeper), place.name)
    read(store)
    place.server.query(LOSE.format(place.keeper), place.name)
    assert len(store.recipients()) == 2
    assert store.high_water("site_1", "key") is None
    assert verified(place) == {"one": (True, 2)}


def lose_the_answer(monkeypatch) -> None:
    """Make the next commit happen, and its answer not arrive."""
    execute = store_postgres._execute

    def once(connection, changes) -> None:
        monkeypatch.setattr(store_postgres, "_execute", execute)
        execute(connection, changes)
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(store_postgres, "_execute", once)


def test_a_commit_whose_answer_was_lost_is_not_made_twice(open_store, place: Place, monkeypatch) -> None:
    store = open_store()
    read(store)
    lose_the_answer(monkeypatch)
    change = store.high_water_change("site_1", "key", HighWater(4, b"four"))
    store.record(Event.SECRET_READ, {"secret": "key"}, [change])
    read(store)
    assert store.high_water("site_1", "key") == HighWater(4, b"four")
    assert verified(place) == {"one": (True, 3)}


def test_a_commit_in_doubt_while_the_server_is_away_is_settled_later(open_store, place: Place, monkeypatch) -> None:
    store = open_store()
    read(store)
    lose_the_answer(monkeypatch)
    with monkeypatch.context() as away:

        def no_answer(*_: object, **__: object) -> None:
            raise KeeperDbUnreachableError

        away.setattr(store_postgres, "connect", no_answer)
        with pytest.raises(NotWrittenError):
            read(store)
        with pytest.raises(NotWrittenError):
            read(store)
        assert not store.failed
    store._not_before = 0.0
    read(store)
    assert verified(place) == {"one": (True, 3)}


@pytest.mark.parametrize("how", ["another writer", "a restored backup"])
def test_a_chain_that_somebody_else_changed_stops_the_keeper(open_store, place: Place, how: str) -> None:
    store = open_store()
    read(store)
    read(store)
    if how == "another writer":
        read(open_store())
    else:
        place.server.execute("DELETE FROM nightdrop_keeper.audit WHERE seq = 2", place.name)
        place.server.query(LOSE.format(place.keeper), place.name)
    for _ in range(2):
        with pytest.raises(NotWrittenError):
            read(store)
    assert store.failed
    # Started again, it goes on from what there is.
    read(open_store())
    assert verified(place)["one"][0]


def test_a_mark_that_one_keeper_raised_holds_for_all(open_store) -> None:
    one, two = open_store("one"), open_store("two")
    one.raise_high_water([one.high_water_change("site_1", "key", HighWater(5, b"five"))])
    two.raise_high_water([two.high_water_change("site_1", "key", HighWater(4, b"four"))])
    two.raise_high_water([two.high_water_change("site_1", "key", HighWater(5, b"other"))])
    assert two.high_water("site_1", "key") == one.high_water("site_1", "key") == HighWater(5, b"five")
    two.note_reseals([two.reseal_change("site_1", "key", HighWater(5, b"anew"))])
    assert one.is_reseal("site_1", "key", HighWater(5, b"anew"))
    one.raise_high_water([one.high_water_change("site_1", "key", HighWater(5, b"anew"))])
    assert two.high_water("site_1", "key") == HighWater(5, b"anew")


def test_an_identity_that_somebody_else_sealed_to_the_node_is_refused(
    open_store, place: Place, keys, tmp_path: Path
) -> None:
    _, node_key = keys
    store = open_store()
    keyring = Keyring(store, FileCustody(node_key))
    keyring.load()
    assert keyring.problem is None
    (tmp_path / "known-one").unlink()
    check_identity(tmp_path / "known-one", "SHA256:another")
    keyring.load()
    assert isinstance(keyring.problem, IdentityReplacedError)
    with pytest.raises(IdentityReplacedError):
        keyring.publish("site_2")


def test_what_cannot_be_used_has_a_typed_error(open_store, place: Place, keys) -> None:
    with pytest.raises(KeeperDbExistsError):
        initialise_schema(place.keeper_url, "one", keys[0])
    with pytest.raises(KeeperSchemaMissingError):
        initialise_schema(place.url.replace("+psycopg", ""), "one", keys[0])
    with pytest.raises(KeeperDbUnreachableError) as caught:
        initialise_schema(place.keeper_url.replace("keeper-pass", "wrong-pass"), "one", keys[0])
    assert "pass" not in caught.value.message + caught.value.hint.replace("password", "")
    place.server.execute("UPDATE nightdrop_keeper.meta SET value = '2' WHERE key = 'format'", place.name)
    with pytest.raises(KeeperDbTooNewError):
        open_store()
