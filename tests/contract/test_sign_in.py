"""Signing in with a password: who fails learns nothing, and nothing of it is stored."""

import json

import pytest
from sqlalchemy import text

from accounts import CHEAP, HERE, LIMITS, PASSWORD, WRONG, totp
from nightdrop.access.passwords import Cost, Hasher
from nightdrop.access.sign_in import SignIn, SignInFailedError, TotpWrongError
from vault import OWNER


def events(db, event):
    with db.read() as connection:
        rows = connection.execute(text("SELECT body FROM audit WHERE event = :e ORDER BY seq"), {"e": event}).all()
    return [json.loads(bytes(row.body)) for row in rows]


def everything_stored(db):
    with db.read() as connection:
        names = [
            "admins",
            "admin_recovery_codes",
            "admin_sessions",
            "admin_tokens",
            "setup_links",
            "sign_in_throttle",
            "audit",
        ]
        return b"\n".join(
            bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()
            for name in names
            for row in connection.execute(text(f"SELECT * FROM {name}"))
            for cell in row
        )


@pytest.mark.parametrize("typed", ["bob", "BOB", "  bob\t", "\uff42\uff4f\uff42"])
def test_one_account_has_many_spellings(accounts, typed):
    accounts.new("Bob")
    assert accounts.enter(typed).caller.name == "bob"


def test_a_password_is_one_whatever_keyboard_it_was_typed_on(accounts):
    accounts.new("bob", password="Zu\u0308rich und Gene\u0300ve im Regen")
    assert accounts.enter("bob", "Z\u00fcrich und Gen\u00e8ve im Regen")


def test_a_session_is_not_the_one_the_browser_brought(accounts):
    accounts.new("bob")
    planted = accounts.enter("bob")
    session = accounts.enter("bob", old=planted.cookie)
    assert session.cookie != planted.cookie
    assert accounts.credentials.of_session(planted.cookie) is None
    assert accounts.credentials.of_session(session.cookie).name == "bob"


def test_who_fails_does_the_same_work_and_gets_the_same_answer(accounts):
    """Group 34: no enumeration of users, by text or by work."""
    accounts.new("bob")
    accounts.admins.create(OWNER, "invited")
    disabled = accounts.new("disabled").caller.admin_id
    accounts.admins.change(OWNER, disabled, disabled=True)
    answers, writes = [], []
    for name, password in [
        ("bob", WRONG),
        ("nobody", WRONG),
        ("invited", PASSWORD),
        ("disabled", PASSWORD),
        ("disabled", WRONG),
        ("not a name", WRONG),
        ("x" * 250, WRONG),
        ("\0", WRONG),
        ("\ud800", "\ud800" * 12),
    ]:
        accounts.hasher.verified.clear()
        before = len(events(accounts.db, "session.refused"))
        with pytest.raises(SignInFailedError) as caught:
            accounts.enter(name, password)
        assert len(accounts.hasher.verified) == 1
        writes.append(len(events(accounts.db, "session.refused")) - before)
        answers.append((caught.value.message, caught.value.hint, caught.value.field, caught.value.code))
    assert len(set(answers)) == 1
    assert set(writes) == {1}


def test_a_hash_of_nobody_costs_what_a_hash_costs(monkeypatch):
    """The dummy hash has the parameters of real ones, and verifying it goes through the whole function."""
    import nightdrop.access.passwords as module

    seen = []
    real = module.Argon2id

    class Spy:
        def __new__(cls, **options):
            return real(**options)

        @staticmethod
        def verify_phc_encoded(data, stored):
            seen.append(stored.rpartition("$")[0].rpartition("$")[0])
            real.verify_phc_encoded(data, stored)

    monkeypatch.setattr(module, "Argon2id", Spy)
    hasher = Hasher(CHEAP)
    assert not hasher.verify("x", None)
    assert not hasher.verify("x", hasher.hash("y"))
    assert hasher.verify("y", hasher.hash("y"))
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_a_hash_of_other_parameters_is_replaced_at_sign_in(accounts, clock):
    accounts.new("bob")
    dearer = Cost(memory_kib=16, passes=1, lanes=1)
    other = SignIn(accounts.db, clock, Hasher(dearer), LIMITS)
    accounts.sign_in = other
    accounts.enter("bob")
    with accounts.db.read() as connection:
        stored = connection.execute(text("SELECT password_hash FROM admins")).scalar_one()
    assert stored.startswith("$argon2id$v=19$m=16,t=1,p=1$")
    assert accounts.enter("bob")


def test_nothing_that_is_a_credential_is_stored_or_recorded(accounts, vault):
    """Needle test over the database, the audit log among it."""
    link = accounts.admins.first_setup_link(OWNER)
    session = accounts.sign_in.set_up(link.token, "bob", PASSWORD, HERE)
    secret, codes = accounts.with_totp(session.caller)
    made = accounts.tokens.create(session.caller, "ci", [vault.site.id], ["secrets:view"])
    used = totp(secret, accounts.clock)
    entered = accounts.enter("bob", totp=used)
    with pytest.raises(SignInFailedError):
        accounts.enter("needle-in-the-name-field", "needle-password-field")
    with pytest.raises(TotpWrongError):
        accounts.enter("bob", recovery_code="needle-code")
    stored = everything_stored(accounts.db)
    for needle in [link.token, session.cookie, entered.cookie, PASSWORD, made.token, secret, *codes, "needle", used]:
        assert needle.encode() not in stored
        assert needle.replace("-", "").encode() not in stored
