"""The gate: denials are recorded, and no change without its audit entry."""

import json

import pytest
from sqlalchemy import text

from nightdrop.access.guard import guarded
from nightdrop.access.permissions import Permission
from nightdrop.access.sites import SiteMissingError
from nightdrop.audit.chain import Break
from nightdrop.audit.events import Event
from nightdrop.audit.log import record, verify_log
from nightdrop.core.caller import SYSTEM, Caller
from nightdrop.core.errors import DeniedError, NightdropError
from vault import OWNER, published_key, seal

_BREAK_AUDIT = {
    "sqlite": ["CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END"],
    "postgresql": [
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$",
        "CREATE TRIGGER broken BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION broken()",
    ],
}


def entries(db):
    with db.read() as connection:
        rows = connection.execute(text("SELECT event, site_id, body FROM audit ORDER BY seq")).all()
    return [(row.event, row.site_id, json.loads(bytes(row.body))) for row in rows]


def snapshot(db):
    """Everything in every table that matters here."""
    with db.read() as connection:
        tables = ("sites", "site_keys", "secrets", "audit")
        return [connection.execute(text(f"SELECT * FROM {table} ORDER BY 1")).all() for table in tables]


def member(site, *permissions, kind="session"):
    return Caller(kind=kind, name="mel", grants={site: frozenset(permissions)})


def everything(vault, caller):
    """Each guarded call on secrets and sites, with the permission that it needs."""
    site, key = vault.site.id, vault.key("a")
    sealed = seal(key, "a")
    return [
        ("secrets:edit", lambda: vault.secrets.sealing_key(caller, site, "a")),
        ("secrets:edit", lambda: vault.secrets.put(caller, site, "a", sealed, key.revision, key.epoch)),
        ("secrets:edit", lambda: vault.secrets.describe(caller, site, "a", "x")),
        ("secrets:view", lambda: vault.secrets.get_info(caller, site, "a")),
        ("secrets:view", lambda: vault.secrets.list(caller, site)),
        ("secrets:edit", lambda: vault.secrets.delete(caller, site, "a")),
        ("settings:edit", lambda: vault.sites.set(caller, site, {"cpu": 5})),
        ("sites:edit", lambda: vault.sites.create(caller, "new")),
    ]


def test_without_the_permission_nothing_happens_and_it_is_recorded(vault):
    vault.put("a")
    elsewhere = vault.new_site("elsewhere").id
    rights = [str(permission) for permission in Permission]
    for caller in (Caller("session", "mel"), member(elsewhere, *rights)):
        for permission, call in everything(vault, caller):
            before = snapshot(vault.db)
            with pytest.raises(DeniedError):
                call()
            after = snapshot(vault.db)
            assert after[:3] == before[:3]
            event, _, body = entries(vault.db)[-1]
            assert len(after[3]) == len(before[3]) + 1
            assert (event, body["outcome"], body["actor"]) == (
                "access.denied",
                "denied",
                {"kind": "session", "name": "mel"},
            )
            assert body["detail"] == {"permission": permission}


def test_with_just_the_permission_it_happens(vault):
    for permission, _ in everything(vault, OWNER):
        vault.put("a")
        site = "*" if permission == "sites:edit" else vault.site.id
        calls = everything(vault, member(site, permission))
        for needed, call in calls:
            if needed == permission:
                call()
        if permission == "sites:edit":
            with vault.db.write() as connection:
                connection.execute(text("DELETE FROM sites WHERE name = 'new'"))


def test_a_kind_of_credential_that_may_not_carry_a_permission(vault):
    for kind in ("token", "made-up"):
        with pytest.raises(DeniedError):
            vault.sites.create(member("*", "sites:edit", kind=kind), "new")
    with pytest.raises(DeniedError):
        vault.secrets.list(Caller("made-up", "x", everything=True), vault.site.id)


def test_sites_of_others_do_not_exist(vault):
    other = vault.new_site("other")
    caller = member(other.id, "secrets:view")
    assert [site.name for site in vault.sites.list(caller)] == ["other"]
    assert vault.sites.get(caller, "other").id == other.id
    for name in ("default", vault.site.id):
        with pytest.raises(SiteMissingError):
            vault.sites.get(caller, name)
        assert entries(vault.db)[-1][:2] == ("access.denied", vault.site.id)
    with pytest.raises(SiteMissingError):
        vault.sites.get(caller, "none")


def test_when_the_audit_entry_cannot_be_written_nothing_happens(vault):
    vault.put("a")
    site = vault.sites.create(SYSTEM, "waiting")
    with vault.db.write() as connection:
        for statement in _BREAK_AUDIT[vault.db.dialect]:
            connection.execute(text(statement))
    before = snapshot(vault.db)
    reads = {"secrets:view"}
    calls = [call for permission, call in everything(vault, OWNER) if permission not in reads][1:]
    calls += [lambda: vault.sites.publish_site_key(site.id, published_key(site.id))]
    calls += [call for _, call in everything(vault, Caller("session", "mel"))]
    for call in calls:
        with pytest.raises(NightdropError) as caught:
            call()
        assert not isinstance(caught.value, DeniedError)
        assert caught.value.code in {"audit_not_written", "database_failed"}
        assert snapshot(vault.db) == before


def test_a_change_that_fails_leaves_no_entry(vault):
    before = snapshot(vault.db)
    with (
        pytest.raises(ZeroDivisionError),
        guarded(vault.db, OWNER, Permission.SETTINGS_EDIT, Event.SITE_CHANGED, vault.site.id) as connection,
    ):
        connection.execute(text("UPDATE sites SET settings = 'x'"))
        raise ZeroDivisionError
    assert snapshot(vault.db) == before


def test_an_entry_says_who_did_what(vault, clock):
    vault.put("a")
    event, site, body = entries(vault.db)[-1]
    assert (event, site) == ("secret.created", vault.site.id)
    assert body.pop("at_ms") > clock.now_ms()
    assert body == {
        "event": "secret.created",
        "actor": {"kind": "host", "name": OWNER.name},
        "site": vault.site.id,
        "target": "a",
        "outcome": "ok",
        "detail": {"revision": 1, "epoch": 1},
    }


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE audit SET body = :body WHERE seq = 1", Break.HASH),
        ("DELETE FROM audit WHERE seq = 1 AND body <> :body", Break.SEQUENCE),
        ("UPDATE audit SET prev = hash WHERE seq = 2 AND body <> :body", Break.PREVIOUS),
    ],
)
def test_tampering_is_found(vault, damage, reason):
    with vault.db.write() as connection:
        assert verify_log(connection).ok
        body = connection.execute(text("SELECT body FROM audit WHERE seq = 1")).scalar_one()
        forged = bytes(body).replace(b"default", b"defau1t")
        assert connection.execute(text(damage), {"body": forged}).rowcount == 1
        assert verify_log(connection).reason is reason


def test_odd_text_can_be_recorded(vault):
    with vault.db.write() as connection:
        record(connection, Event.RUN_ENDED, OWNER, None, "\ud800\0", "failed", {"reason": "\ud800 \0 \u00fc"})
    assert entries(vault.db)[-1][2]["target"] == "\ud800\0"
    with vault.db.read() as connection:
        assert verify_log(connection).ok
