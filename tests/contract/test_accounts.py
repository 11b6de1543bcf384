"""Accounts: set-up, sign-in, second factor, throttle, sessions."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from accounts import CHEAP, HERE, LIMITS, PASSWORD, Accounts, CountingHasher, totp
from nightdrop.access.account import TotpCodeError, TotpNotBegunError, TotpOnAlreadyError
from nightdrop.access.account_names import AccountNameError
from nightdrop.access.admins import SetUpAlreadyError
from nightdrop.access.confirm import PasswordWrongError
from nightdrop.access.passwords import Cost, Hasher, PasswordCommonError, PasswordTooShortError
from nightdrop.access.sessions import Origin, SessionMissingError
from nightdrop.access.setup_links import LIFETIME_MS, SetupLinkInvalidError
from nightdrop.access.sign_in import SetupNameError, SignIn, SignInFailedError, TotpNeededError, TotpWrongError
from nightdrop.access.throttle import ThrottledError
from nightdrop.core.caller import ALL_SITES
from nightdrop.core.errors import DeniedError
from nightdrop.core.ids import new_id
from vault import OWNER

WRONG = "not the password at all"


@pytest.fixture
def accounts(db, clock):
    return Accounts(db, clock)


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


# Set-up


def test_the_first_link_makes_a_super_admin_with_all_of_what_is_there(accounts, vault):
    assert accounts.admins.setup_needed()
    session = accounts.first(" Root-Admin ")
    assert not accounts.admins.setup_needed()
    caller = accounts.credentials.of_session(session.cookie)
    assert (caller.kind, caller.name) == ("session", "root-admin")
    assert caller.may("admins:edit")
    assert caller.may("secrets:edit", vault.site.id)
    assert not caller.may("secrets:view", vault.new_site("later").id)


def test_a_link_works_once_and_only_for_a_day(accounts, clock):
    link = accounts.admins.first_setup_link(OWNER)
    clock.advance(LIFETIME_MS)
    with pytest.raises(SetupLinkInvalidError):
        accounts.sign_in.set_up(link.token, "a", PASSWORD, HERE)
    old, link = accounts.admins.first_setup_link(OWNER), accounts.admins.first_setup_link(OWNER)
    for bad in (old.token, "", "x", link.token.swapcase(), link.token + " "):
        with pytest.raises(SetupLinkInvalidError):
            accounts.sign_in.set_up(bad, "a", PASSWORD, HERE)
    accounts.sign_in.set_up(link.token, "a", PASSWORD, HERE)
    with pytest.raises(SetupLinkInvalidError):
        accounts.sign_in.set_up(link.token, "a", PASSWORD, HERE)
    with pytest.raises(SetUpAlreadyError):
        accounts.admins.first_setup_link(OWNER)


@pytest.mark.parametrize("name", ["admin-{}", "admin"])
def test_of_two_who_use_a_link_at_the_same_time_one_gets_in(accounts, name):
    token = accounts.admins.first_setup_link(OWNER).token

    def attempt(number):
        try:
            return accounts.sign_in.set_up(token, name.format(number), PASSWORD, HERE)
        except SetupLinkInvalidError:
            return None

    with ThreadPoolExecutor(4) as threads:
        assert sum(result is not None for result in threads.map(attempt, range(4))) == 1
    assert len(accounts.admins.list(OWNER).items) == 1


def test_a_first_link_is_dead_once_somebody_made_an_admin_otherwise(accounts):
    link = accounts.admins.first_setup_link(OWNER)
    accounts.admins.create(OWNER, "bob")
    with pytest.raises(SetupLinkInvalidError):
        accounts.sign_in.set_up(link.token, "eve", PASSWORD, HERE)
    assert [admin.name for admin in accounts.admins.list(OWNER).items] == ["bob"]


def test_a_refused_password_does_not_use_the_link_up(accounts):
    admin, link = accounts.admins.create(OWNER, "bob")
    assert accounts.sign_in.invitation(link.token).name == "bob"
    with pytest.raises(PasswordTooShortError):
        accounts.sign_in.set_up(link.token, "bob", "short", HERE)
    with pytest.raises(PasswordCommonError):
        accounts.sign_in.set_up(link.token, "bob", "password1234", HERE)
    with pytest.raises(SetupNameError):
        accounts.sign_in.set_up(link.token, "eve", PASSWORD, HERE)
    with pytest.raises(AccountNameError):
        accounts.sign_in.set_up(link.token, "b/b", PASSWORD, HERE)
    assert accounts.sign_in.set_up(link.token, "\uff22OB ", PASSWORD, HERE).caller.admin_id == admin.id


# Sign-in


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


# Throttle


def fail(accounts, name="bob", times=1, origin=HERE):
    for _ in range(times):
        with pytest.raises(SignInFailedError):
            accounts.enter(name, WRONG, origin=origin)


def test_attempts_on_an_account_are_slowed_down_more_and_more(accounts, clock):
    accounts.new("bob")
    fail(accounts, times=4)
    waits = []
    for _ in range(14):
        fail(accounts)
        with pytest.raises(ThrottledError) as caught:
            accounts.enter("bob")
        waits.append(caught.value.retry_after_s)
        clock.advance(caught.value.retry_after_s * 1000)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]
    assert accounts.enter("bob")
    fail(accounts, times=4, origin=Origin("198.51.100.1"))


@pytest.mark.parametrize("typed", ["BOB", " bob ", "\uff42ob", "bob\n"])
def test_34_a_lock_is_not_evaded_by_case_or_spaces(accounts, typed):
    accounts.new("bob")
    fail(accounts, times=5)
    with pytest.raises(ThrottledError):
        accounts.enter(typed)


def test_34_unknown_names_are_slowed_down_like_known_ones(accounts, clock):
    accounts.new("bob")
    for name in ("bob", "nobody"):
        fail(accounts, name, times=5, origin=Origin(f"192.0.2.{len(name)}"))
        with pytest.raises(ThrottledError) as caught:
            accounts.enter(name, WRONG)
        assert caught.value.retry_after_s == 1


def test_an_address_is_slowed_down_over_all_accounts(accounts, clock):
    accounts.new("bob")
    away = Origin("2001:db8::1")
    for number in range(20):
        fail(accounts, f"name-{number}", origin=Origin(f"2001:db8::{number:x}"))
    with pytest.raises(ThrottledError):
        accounts.enter("bob", origin=away)
    assert accounts.enter("bob", origin=Origin("2001:db8:0:1::1"))
    clock.advance(1000)
    # Who gets in takes back one failure, not those of others: an own account does not open the door again.
    assert accounts.enter("bob", origin=away)
    fail(accounts, "name-x", origin=away)
    with pytest.raises(ThrottledError):
        accounts.enter("bob", origin=away)


def test_many_at_the_same_time_get_no_more_attempts_than_one_after_the_other(accounts):
    accounts.new("bob")

    def attempt(_):
        try:
            accounts.enter("bob", WRONG)
        except ThrottledError:
            return "throttled"
        except SignInFailedError:
            return "failed"

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(attempt, range(16)))
    assert results.count("failed") == 5
    assert results.count("throttled") == 11


def test_failures_are_forgotten_after_a_day(accounts, clock):
    accounts.new("bob")
    fail(accounts, times=4)
    clock.advance(86_401_000)
    fail(accounts, times=4)
    assert accounts.enter("bob")


# The second factor


def test_a_code_is_asked_for_only_after_the_right_password(accounts):
    session = accounts.new("bob")
    secret, _ = accounts.with_totp(session.caller)
    fail(accounts)
    with pytest.raises(SignInFailedError):
        accounts.enter("bob", WRONG, totp=totp(secret, accounts.clock))
    with pytest.raises(TotpNeededError):
        accounts.enter("bob")
    assert accounts.enter("bob", totp=totp(secret, accounts.clock))


def test_34_a_code_works_once_with_or_without_spaces(accounts, clock):
    session = accounts.new("bob")
    secret, _ = accounts.with_totp(session.caller)
    code = totp(secret, clock)
    accounts.enter("bob", totp=f" {code[:3]} {code[3:]}\t")
    for again in (code, f"{code} ", f"{code[:3]} {code[3:]}", f"\u2009{code}"):
        with pytest.raises(TotpWrongError):
            accounts.enter("bob", totp=again)
    # Its neighbours before it are dead too, long after their time as well; the next one is not.
    with pytest.raises(TotpWrongError):
        accounts.enter("bob", totp=totp(secret, clock, -1))
    clock.advance(60_000)
    assert accounts.enter("bob", totp=totp(secret, clock))


def test_the_code_that_switched_it_on_is_used_up(accounts, clock):
    session = accounts.new("bob")
    secret = accounts.account.begin_totp(session.caller).secret
    accounts.account.confirm_totp(session.caller, totp(secret, clock))
    with pytest.raises(TotpWrongError):
        accounts.enter("bob", totp=totp(secret, clock))


def test_34_of_many_who_use_one_code_at_the_same_time_one_gets_in(accounts, clock):
    session = accounts.new("bob")
    secret, _ = accounts.with_totp(session.caller)
    code = totp(secret, clock)

    def attempt(_):
        try:
            return accounts.enter("bob", totp=code)
        except (TotpWrongError, ThrottledError):
            return None

    with ThreadPoolExecutor(4) as threads:
        assert sum(result is not None for result in threads.map(attempt, range(4))) == 1


@pytest.mark.parametrize("code", ["", "00000", "0000000", "\u0660\u0661\u0662\u0663\u0664\u0665", "12345a", "-12345"])
def test_what_is_no_code_is_wrong(accounts, code):
    session = accounts.new("bob")
    accounts.with_totp(session.caller)
    with pytest.raises(TotpWrongError):
        accounts.enter("bob", totp=code)


def test_the_password_alone_gives_no_new_guesses_at_the_code(accounts, clock):
    session = accounts.new("bob")
    accounts.with_totp(session.caller)
    for _ in range(5):
        with pytest.raises(TotpNeededError):
            accounts.enter("bob")
        with pytest.raises(TotpWrongError):
            accounts.enter("bob", totp="000000")
    for second in ({}, {"totp": "000000"}, {"recovery_code": "x"}):
        with pytest.raises(ThrottledError):
            accounts.enter("bob", **second)


def test_a_recovery_code_works_once(accounts):
    session = accounts.new("bob")
    _, codes = accounts.with_totp(session.caller)
    assert len(set(codes)) == 10
    typed = codes[3].upper().replace("-", " ")
    assert accounts.enter("bob", recovery_code=typed)
    with pytest.raises(TotpWrongError):
        accounts.enter("bob", recovery_code=codes[3])
    assert accounts.account.get(session.caller).recovery_codes_left == 9
    assert len(events(accounts.db, "totp.recovery_code_used")) == 1


def test_recovery_codes_of_another_account_do_not_work(accounts):
    _, codes = accounts.with_totp(accounts.new("bob").caller)
    accounts.with_totp(accounts.new("eve").caller)
    with pytest.raises(TotpWrongError):
        accounts.enter("eve", recovery_code=codes[0])


def test_switching_the_second_factor_on_and_off(accounts, clock):
    session = accounts.new("bob")
    with pytest.raises(TotpNotBegunError):
        accounts.account.confirm_totp(session.caller, "000000")
    made = accounts.account.begin_totp(session.caller)
    assert made.uri == f"otpauth://totp/nightdrop:bob?secret={made.secret}&issuer=nightdrop"
    with pytest.raises(TotpCodeError):
        accounts.account.confirm_totp(session.caller, "12345")
    assert accounts.enter("bob")
    accounts.account.confirm_totp(session.caller, totp(made.secret, clock))
    with pytest.raises(TotpOnAlreadyError):
        accounts.account.begin_totp(session.caller)
    with pytest.raises(PasswordWrongError):
        accounts.account.end_totp(session.caller, WRONG)
    accounts.account.end_totp(session.caller, PASSWORD)
    assert accounts.enter("bob")
    shown = accounts.account.get(session.caller)
    assert (shown.totp, shown.recovery_codes_left) == (False, 0)


# The account and its sessions


def test_a_new_password_ends_every_other_session(accounts):
    mine, other = accounts.new("bob"), accounts.enter("bob")
    new = "another horse and its battery"
    with pytest.raises(PasswordWrongError):
        accounts.account.change_password(mine.caller, WRONG, new)
    with pytest.raises(PasswordCommonError):
        accounts.account.change_password(mine.caller, PASSWORD, "qwertyuiop12")
    assert accounts.credentials.of_session(other.cookie)
    accounts.account.change_password(mine.caller, PASSWORD, new)
    assert accounts.credentials.of_session(mine.cookie)
    assert accounts.credentials.of_session(other.cookie) is None
    fail(accounts)
    assert accounts.enter("bob", new)


def test_guessing_the_password_with_a_stolen_session_is_slowed_down(accounts):
    session = accounts.new("bob")
    for _ in range(5):
        with pytest.raises(PasswordWrongError):
            accounts.account.change_password(session.caller, WRONG, "another horse and its battery")
    with pytest.raises(ThrottledError):
        accounts.account.end_totp(session.caller, PASSWORD)
    # Not its owner's sign-in, though.
    assert accounts.enter("bob")


def test_a_session_ends_when_idle_and_in_any_case(accounts, clock):
    session = accounts.new("bob")
    for _ in range(23):
        clock.advance(LIMITS.idle_ms - 1000)
        assert accounts.credentials.of_session(session.cookie)
    clock.advance(LIMITS.max_ms - 23 * (LIMITS.idle_ms - 1000))
    assert accounts.credentials.of_session(session.cookie) is None
    session = accounts.enter("bob")
    clock.advance(LIMITS.idle_ms)
    assert accounts.credentials.of_session(session.cookie) is None
    assert accounts.sessions.list(session.caller).items == ()


def test_what_only_stays_open_does_not_keep_a_session_alive(accounts, clock):
    session = accounts.new("bob")
    for _ in range(2):
        clock.advance(LIMITS.idle_ms // 2)
        again = accounts.credentials.again(session.caller)
    assert again is None


def test_one_lists_and_ends_ones_own_sessions_only(accounts):
    mine, other, eves = (
        accounts.new("bob"),
        accounts.enter("bob", origin=Origin("::1", "x\r\ny" * 99)),
        accounts.new("eve"),
    )
    shown = accounts.sessions.list(mine.caller).items
    assert {each.id for each in shown} == {mine.caller.credential_id, other.caller.credential_id}
    assert [each.id for each in shown if each.current] == [mine.caller.credential_id]
    assert all(mine.cookie not in str(each) and other.cookie not in str(each) for each in shown)
    assert all(each.agent.isprintable() and len(each.agent) <= 200 for each in shown)
    for bad in (eves.caller.credential_id, new_id("ses"), "x", mine.cookie):
        with pytest.raises(SessionMissingError):
            accounts.sessions.end(mine.caller, bad)
    accounts.sessions.end(mine.caller, other.caller.credential_id)
    assert accounts.credentials.of_session(other.cookie) is None
    assert accounts.credentials.of_session(eves.cookie)
    accounts.sessions.sign_out(mine.caller)
    assert accounts.credentials.of_session(mine.cookie) is None


def test_the_account_is_for_who_signed_in_and_not_for_tokens_or_the_host(accounts, vault):
    session = accounts.new("bob", {vault.site.id: ["secrets:view"]})
    made, other = (
        accounts.tokens.create(session.caller, name, [vault.site.id], ["secrets:view"]) for name in ("ci", "other")
    )
    for caller in (accounts.credentials.of_token(made.token), OWNER):
        for call in (
            lambda c: accounts.account.get(c),
            lambda c: accounts.account.change_password(c, PASSWORD, "another horse and its battery"),
            lambda c: accounts.account.begin_totp(c),
            lambda c: accounts.account.confirm_totp(c, "000000"),
            lambda c: accounts.account.end_totp(c, PASSWORD),
            lambda c: accounts.sessions.list(c),
            lambda c: accounts.sessions.end(c, session.caller.credential_id),
            lambda c: accounts.tokens.list(c),
            lambda c: accounts.tokens.create(c, "x", [vault.site.id], ["secrets:view"]),
            lambda c: accounts.tokens.revoke(c, other.info.id),
        ):
            with pytest.raises(DeniedError):
                call(caller)
    assert accounts.credentials.of_token(made.token)


@pytest.mark.parametrize("cookie", ["", "x", "\ud800", "a" * 10_000])
def test_a_made_up_cookie_is_nobody(accounts, cookie):
    assert accounts.credentials.of_session(cookie) is None
    assert accounts.credentials.of_token("nd_" + cookie) is None


def test_a_session_of_nobody_super_has_no_wide_permission(accounts):
    caller = accounts.credentials.of_session(accounts.new("bob").cookie)
    assert caller.grants == {ALL_SITES: frozenset({"account:edit"})}
    assert not caller.everything


def test_the_counting_hasher_counts():
    hasher = CountingHasher()
    hasher.verify("x", None)
    assert hasher.verified == [False]
