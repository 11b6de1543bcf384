"""init on PostgreSQL: it remembers where its data is, takes no database of others, and leaves nothing when it fails."""

import stat

from nightdrop.db.engine import Database
from postgres_server import PASSWORD, Place
from support import Installation

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'nightdrop_keeper')"


def test_it_writes_down_where_the_data_is_for_nobody_else_to_read(installation: Installation, place: Place) -> None:
    config, keeper = installation.home / "nightdrop.toml", installation.home / "keeper" / "keeper.toml"
    assert place.url in config.read_text()
    assert place.keeper_url in keeper.read_text()
    assert place.keeper not in config.read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (config, keeper)} == {0o600}
    assert not (installation.home / "keeper" / "keeper.db").exists()
    assert not (installation.home / "data" / "app.db").exists()


def test_a_database_that_is_in_use_is_left_alone(installation: Installation, place: Place, homes) -> None:
    other = homes("other")
    other.environment |= {"NIGHTDROP_DATABASE": place.url, "NIGHTDROP_KEEPER_DATABASE": place.keeper_url}
    before = place.server.query(TABLES, place.name)
    refused = other.run("init")
    assert refused.status == 1
    assert "This database holds an installation already." in refused.err
    assert not other.home.exists()
    assert place.server.query(TABLES, place.name) == before
    with Database.open(place.url) as db, db.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sites").scalar() == 1


def test_a_failure_leaves_both_databases_empty_and_an_older_node_key_in_place(place: Place, homes) -> None:
    made = homes("one")
    made.environment |= {"NIGHTDROP_DATABASE": place.url, "NIGHTDROP_KEEPER_DATABASE": place.keeper_url}
    key = made.folder / "node.key"
    key.write_text("the key of something else")
    refused = made.run("init", "--node-key", str(key))
    assert refused.status == 1
    assert "already" in refused.err
    assert key.read_text() == "the key of something else"
    assert not made.home.exists()
    assert place.server.query(TABLES, place.name) == [(0,)]
    # Without a schema for the keeper it stops after the other database was filled.
    place.server.execute("DROP SCHEMA nightdrop_keeper", place.name)
    refused = made.run("init")
    assert (refused.status, "CREATE SCHEMA nightdrop_keeper" in refused.err) == (1, True)
    assert place.server.query(TABLES, place.name) == [(0,)]
    assert not made.home.exists()
    place.server.execute(f"CREATE SCHEMA nightdrop_keeper AUTHORIZATION {place.keeper}", place.name)
    made.init()


def test_a_wrong_password_is_an_error_that_repeats_nothing(place: Place, homes) -> None:
    made = homes("one")
    made.environment["NIGHTDROP_DATABASE"] = place.url.replace("app-pass", "wrong-pass")
    refused = made.run("init")
    assert refused.status == 1
    assert "The database cannot be opened." in refused.err
    assert "wrong-pass" not in refused.err + refused.out
    assert PASSWORD not in refused.err
    assert not made.home.exists()
