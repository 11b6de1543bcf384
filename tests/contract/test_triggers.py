import json

import pytest
from sqlalchemy import text

from nightdrop.core.caller import SYSTEM, Caller
from nightdrop.core.cursor import CursorError
from nightdrop.core.errors import DeniedError
from nightdrop.scripts.model import ScriptMissingError
from nightdrop.scripts.store import ScriptStore
from nightdrop.triggers.cron import CronError, ZoneUnknownError
from nightdrop.triggers.model import (
    RetriesRefusedError,
    TriggerLimitError,
    TriggerLoopError,
    TriggerMissingError,
    TriggerNameError,
)
from nightdrop.triggers.settings import (
    AfterSettings,
    ScheduleSettings,
    TriggerSettingsError,
    WebhookSettings,
    check_trigger,
)
from nightdrop.triggers.store import TriggerStore, token_hash

SITE, OTHER = "site_a", "site_b"
DAILY = ScheduleSettings(cron="0 2 * * *", zone="Europe/Berlin")
DAY_MS = 86_400_000


@pytest.fixture
def scripts(db, clock):
    with db.write() as conn:
        for site in (SITE, OTHER):
            conn.execute(text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), {"id": site})
    store = ScriptStore(db, clock)
    for name in ("backup", "report", "third"):
        store.push(SYSTEM, SITE, name, "Log(1)")
    return store


@pytest.fixture
def store(db, clock, scripts):
    return TriggerStore(db, clock)


def audit(db):
    with db.read() as conn:
        rows = conn.execute(text("SELECT event, body FROM audit WHERE event LIKE 'trigger.%' ORDER BY seq")).all()
    return [(row.event, json.loads(bytes(row.body))) for row in rows]


def make(store, settings=DAILY, script="backup", **more):
    return store.create(SYSTEM, SITE, script, settings, **more)[0]


def test_a_schedule_knows_when_it_is_due(store, clock):
    made = make(store, name="nightly")
    assert (made.kind, made.script_name, made.name, made.enabled) == ("schedule", "backup", "nightly", True)
    assert clock.now_ms() < made.next_ms <= clock.now_ms() + DAY_MS
    assert store.get(SYSTEM, SITE, made.id) == made
    assert store.list(SYSTEM, SITE).items == (made,)


@pytest.mark.parametrize(
    "settings",
    [
        DAILY,
        WebhookSettings(per_minute=9, params={"a": [1, {"b": None}]}),
        AfterSettings(script="report", on="failed", timeout_s=5),
    ],
)
def test_settings_come_back_as_they_were(store, settings):
    assert store.get(SYSTEM, SITE, make(store, settings).id).settings == settings


def test_a_change_keeps_what_it_does_not_name(store):
    made = make(store, name="nightly")
    changed = store.change(SYSTEM, SITE, made.id, changes={"overlap": "queue"})
    assert changed.settings == ScheduleSettings(cron="0 2 * * *", zone="Europe/Berlin", overlap="queue")
    assert changed.name == "nightly"
    back = store.change(SYSTEM, SITE, made.id, changes={"overlap": None, "zone": None}, name="")
    assert back.settings == ScheduleSettings(cron="0 2 * * *")
    assert back.next_ms != made.next_ms


def test_off_and_on_again_begins_with_the_next_time(store, clock):
    made = make(store)
    assert store.change(SYSTEM, SITE, made.id, enabled=False).next_ms is None
    clock.advance(10 * DAY_MS)
    again = store.change(SYSTEM, SITE, made.id, enabled=True)
    assert clock.now_ms() < again.next_ms <= clock.now_ms() + DAY_MS


def test_every_change_is_recorded(store, db):
    made = make(store)
    store.change(SYSTEM, SITE, made.id, enabled=False)
    store.delete(SYSTEM, SITE, made.id)
    events = audit(db)
    assert [event for event, _ in events] == ["trigger.created", "trigger.changed", "trigger.deleted"]
    assert {body["target"] for _, body in events} == {made.id}


def test_of_a_hooks_token_only_the_hash_is_kept(store, db):
    made, token = store.create(SYSTEM, SITE, "backup", WebhookSettings())
    assert len(token) >= 43
    with db.read() as conn:
        row = conn.execute(text("SELECT * FROM triggers")).one()
        recorded = b"".join(bytes(body) for body in conn.execute(text("SELECT body FROM audit")).scalars())
    assert bytes(row.token_hash) == token_hash(token)
    assert token not in str(row)
    assert token.encode() not in recorded
    other = store.renew_token(SYSTEM, SITE, made.id)
    assert other != token
    with db.read() as conn:
        assert bytes(conn.execute(text("SELECT token_hash FROM triggers")).scalar_one()) == token_hash(other)


def test_only_a_webhook_has_an_address(store):
    assert store.create(SYSTEM, SITE, "backup", DAILY)[1] is None
    with pytest.raises(TriggerMissingError):
        store.renew_token(SYSTEM, SITE, make(store).id)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        (ScheduleSettings(cron="nonsense"), CronError),
        (ScheduleSettings(cron="* * * * *", zone="Mars"), ZoneUnknownError),
        (AfterSettings(script="nobody"), ScriptMissingError),
        (AfterSettings(script="backup"), TriggerLoopError),
        (ScheduleSettings(cron="* * * * *", retries=1), RetriesRefusedError),
    ],
)
def test_what_cannot_work_is_not_made(store, settings, error):
    with pytest.raises(error):
        make(store, settings)
    assert store.list(SYSTEM, SITE).items == ()


def test_scripts_cannot_start_each_other_for_ever(store):
    make(store, AfterSettings(script="backup"), "report")
    third = make(store, AfterSettings(script="report"), "third")
    with pytest.raises(TriggerLoopError):
        make(store, AfterSettings(script="third"), "backup")
    store.change(SYSTEM, SITE, third.id, changes={"script": "backup"})
    with pytest.raises(TriggerLoopError):
        store.change(SYSTEM, SITE, third.id, changes={"script": "third"})


def test_retries_are_for_scripts_that_may_run_twice(store, db):
    with db.write() as conn:
        conn.execute(text("UPDATE scripts SET idempotent = true"))
    assert make(store, ScheduleSettings(cron="* * * * *", retries=3)).settings.retries == 3


@pytest.mark.parametrize("name", ["x" * 129, " a", "a\nb", "\0"])
def test_names(store, name):
    with pytest.raises(TriggerNameError):
        make(store, name=name)


def test_not_more_than_a_hundred_of_a_script(store):
    for _ in range(100):
        make(store)
    with pytest.raises(TriggerLimitError):
        make(store)
    make(store, script="report")
    first = store.list(SYSTEM, SITE, limit=60)
    second = store.list(SYSTEM, SITE, limit=60, cursor=first.cursor)
    assert len({item.id for item in (*first.items, *second.items)}) == 101
    assert second.cursor is None
    assert len(store.list(SYSTEM, SITE, script=second.items[-1].script_id).items) == 1
    with pytest.raises(CursorError):
        store.list(SYSTEM, SITE, cursor="x")


def test_they_go_with_their_script(store, scripts):
    make(store)
    make(store, AfterSettings(script="backup"), "report")
    kept = make(store, script="report")
    scripts.delete(SYSTEM, SITE, "backup")
    assert store.list(SYSTEM, SITE).items == (kept,)


@pytest.mark.parametrize("trigger", ["trg_00000000000000000000000000", "x", "", "\0"])
def test_what_is_not_there(store, trigger):
    for call in (store.get, store.delete, store.change, store.renew_token):
        with pytest.raises(TriggerMissingError):
            call(SYSTEM, SITE, trigger)


def test_another_sites_trigger_is_not_there(store):
    made = make(store)
    for call in (store.get, store.delete, store.change):
        with pytest.raises(TriggerMissingError):
            call(SYSTEM, OTHER, made.id)
    assert store.list(SYSTEM, OTHER).items == ()


@pytest.mark.parametrize("grants", [frozenset(), frozenset({"scripts:view", "runs:run"})])
def test_who_may_not_edit_scripts_changes_nothing(store, grants):
    made = make(store)
    somebody = Caller(kind="session", name="somebody", grants={SITE: grants})
    with pytest.raises(DeniedError):
        store.create(somebody, SITE, "backup", DAILY)
    for call in (store.delete, store.change, store.renew_token):
        with pytest.raises(DeniedError):
            call(somebody, SITE, made.id)
    if not grants:
        for call in (lambda: store.get(somebody, SITE, made.id), lambda: store.list(somebody, SITE)):
            with pytest.raises(DeniedError):
                call()
    assert store.get(SYSTEM, SITE, made.id) == made


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "schedule"}, "cron"),
        ({"kind": "schedule", "cron": "* * * * *", "overlap": "maybe"}, "overlap"),
        ({"kind": "schedule", "cron": "* * * * *", "nonsense": 1}, "settings"),
        ({"kind": "webhook", "per_minute": 0}, "per_minute"),
        ({"kind": "after", "script": "x", "retries": 11}, "retries"),
        ({"kind": "other"}, "settings"),
        ({}, "settings"),
    ],
)
def test_settings_that_are_none(values, field):
    with pytest.raises(TriggerSettingsError) as caught:
        check_trigger(values)
    assert caught.value.field == field


def test_an_unknown_setting_is_not_repeated_but_the_known_ones_are_named():
    with pytest.raises(TriggerSettingsError) as caught:
        check_trigger({"kind": "after", "script": "x", "needle": 1})
    assert "needle" not in f"{caught.value.message} {caught.value.hint}"
    assert "script" in caught.value.hint
