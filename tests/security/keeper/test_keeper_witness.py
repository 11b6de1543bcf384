"""Checkpoints: what the keeper signs, and that a log that was cut or written anew is noticed and reported."""

import sqlite3

import pytest

from nightdrop.audit.checkpoint import Log, read_checkpoint
from nightdrop.audit.checkpoints import Kept, forget_contradicted, keep_checkpoints
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.audit.verification import OtherKeeperError, verify_logs
from nightdrop.core.caller import SYSTEM
from nightdrop.crypto.identity import fingerprint
from nightdrop.crypto.notes import NoteInvalidError
from nightdrop.db.engine import Database
from nightdrop.worker.checkpoints import Checkpoints


@pytest.fixture
def db(installation):
    with Database.open(installation.home.app_db) as opened:
        yield opened


def happen(db, count=3):
    """Let people do something."""
    for _ in range(count):
        with db.write() as connection:
            record(connection, Event.SITE_CHANGED, SYSTEM, "site", None)


def sign(keeper, db):
    """Do what the worker does; return the notes and what was found cut."""
    request = Checkpoints(db, None)._request(keeper.ask("remembered")["size"])
    answer = keeper.ask(request.pop("op"), **request)
    assert answer["ok"], answer
    signed = [Kept(str(log), answer[log]["size"], answer["at_ms"], answer[log]["note"]) for log in Log]
    keep_checkpoints(db, signed, answer["cut"])
    return [answer[log]["note"] for log in Log], answer["cut"]


def findings(installation, db, *exported, identity=None):
    found = verify_logs(db, installation.home.keeper_db, identity=identity, exported=exported)
    return {(each.log, each.against): each.verdict for each in found}


def wrong(installation, db, *exported):
    found = verify_logs(db, installation.home.keeper_db, exported=exported)
    return {(each.log, each.against): each.verdict for each in found if not each.ok}


def cut(path, keep):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("DELETE FROM audit WHERE seq > ?", (keep,))
    connection.close()


def read_some(installation, keeper, count=4):
    if not installation.sql("SELECT 1 FROM secrets"):
        installation.put(installation.site_a, "key", b"value")
    run = keeper.open_run(installation.site_a, f"run_{keeper.sent}")
    for _ in range(count):
        assert run.get("key") == b"vvalue"


def test_what_is_signed_holds_and_says_how_long_both_logs_are(installation, keeper, db):
    happen(db)
    read_some(installation, keeper)
    notes, found = sign(keeper, db)
    assert found == []
    public = installation.keys.identity_public
    own, people = (read_checkpoint(note, public) for note in notes)
    assert (own.log, own.size, people.log, people.size) == (Log.KEEPER, 5, Log.SITE, 3)
    assert findings(installation, db, *notes, identity=fingerprint(public)) == {
        ("keeper", "chain"): "holds",
        ("site", "chain"): "holds",
        ("keeper", "app.db"): "holds",
        ("site", "app.db"): "holds",
        ("site", "keeper.db"): "holds",
        ("keeper", "exported"): "holds",
        ("site", "exported"): "holds",
    }


def test_empty_logs_are_signed_too(keeper, db):
    notes, found = sign(keeper, db)
    assert found == []
    assert "\n0\n" in notes[1]


def test_a_tail_cut_off_the_keepers_log_is_noticed(installation, start, db):
    keeper = start()
    read_some(installation, keeper)
    notes, _ = sign(keeper, db)
    keeper.stop()
    cut(installation.home.keeper_db, 3)
    assert wrong(installation, db, *notes) == {("keeper", "app.db"): "cut", ("keeper", "exported"): "cut"}
    again = start()
    _, found = sign(again, db)
    assert found == ["keeper"]
    reported = installation.audit()[-1]
    assert (reported["event"], reported["log"], reported["verdict"], reported["size"]) == (
        "keeper.log_cut",
        "keeper",
        "cut",
        5,
    )
    # New checkpoints go on, and the one that was contradicted stays as evidence.
    assert sign(again, db)[1] == []
    assert wrong(installation, db, *notes)["keeper", "app.db"] == "was_cut"
    with db.write() as connection:
        assert forget_contradicted(connection) == ["keeper"]
    assert wrong(installation, db) == {}
    assert ("keeper", "exported") in wrong(installation, db, *notes)


def test_a_tail_that_grew_again_is_noticed(installation, start, db):
    keeper = start()
    read_some(installation, keeper)
    notes, _ = sign(keeper, db)
    keeper.stop()
    cut(installation.home.keeper_db, 2)
    again = start()
    read_some(installation, again, 10)
    assert wrong(installation, db, *notes)["keeper", "exported"] == "rewritten"
    assert sign(again, db)[1] == ["keeper"]


@pytest.mark.parametrize("grow", [0, 5])
def test_a_tail_cut_off_the_log_of_people_is_noticed(installation, keeper, db, grow):
    happen(db, 4)
    notes, _ = sign(keeper, db)
    cut(installation.home.app_db, 2)
    happen(db, grow)
    expected = "rewritten" if grow else "cut"
    assert wrong(installation, db)["site", "keeper.db"] == expected
    assert wrong(installation, db, *notes)["site", "exported"] == expected
    assert sign(keeper, db)[1] == ["site"]
    assert installation.audit()[-1]["verdict"] == expected
    assert sign(keeper, db)[1] == []


def test_removing_or_forging_the_checkpoint_in_app_db_does_not_help(installation, keeper, db):
    happen(db)
    sign(keeper, db)
    cut(installation.home.app_db, 1)
    installation.sql("DELETE FROM audit_checkpoints")
    assert wrong(installation, db) == {("site", "keeper.db"): "cut"}
    installation.sql(
        "INSERT INTO audit_checkpoints VALUES ('keeper', 1, 1, ?)", "nightdrop/keeper/0123456789abcdef\n1\n"
    )
    assert wrong(installation, db)["keeper", "app.db"] == "forged"


def test_another_identity_is_not_believed(installation, keeper, db):
    sign(keeper, db)
    with pytest.raises(OtherKeeperError):
        findings(installation, db, identity=fingerprint(bytes(32)))
    with pytest.raises(NoteInvalidError):
        findings(installation, db, "anything")


def test_a_thousand_entries_ask_for_a_checkpoint(installation, keeper):
    read_some(installation, keeper, 1001)
    assert [notice for notice in keeper.notices() if notice["event"] == "checkpoint_due"] == [
        {"event": "checkpoint_due"}
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"size": "1", "head": "00" * 32},
        {"size": -1, "head": "00" * 32},
        {"size": 1, "head": "00"},
        {"size": 1, "head": "zz" * 32},
        {"size": 1, "head": 5},
        {"size": 1, "head": "00" * 32, "known": "00"},
    ],
)
def test_bad_requests_are_refused(keeper, fields):
    assert keeper.ask("checkpoint", **fields)["code"] == "bad_request"


def test_without_a_node_key_nothing_is_signed(installation, start):
    installation.node_key.unlink()
    assert start().ask("checkpoint", size=0, head="00" * 32)["code"] == "identity_not_open"
