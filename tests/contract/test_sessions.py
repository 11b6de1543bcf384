"""The account of whoever signed in, and its sessions."""

import pytest

from accounts import LIMITS, PASSWORD, WRONG, CountingHasher, fail
from nightdrop.access.confirm import PasswordWrongError
from nightdrop.access.passwords import PasswordCommonError
from nightdrop.access.sessions import Origin, SessionMissingError
from nightdrop.access.throttle import ThrottledError
from nightdrop.core.caller import ALL_SITES
from nightdrop.core.errors import DeniedError
from nightdrop.core.ids import new_id
from vault import OWNER


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
