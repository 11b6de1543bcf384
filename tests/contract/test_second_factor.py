"""The second factor: codes of an authenticator app, and recovery codes, each once."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from accounts import PASSWORD, WRONG, fail, totp
from nightdrop.access.account import TotpCodeError, TotpNotBegunError, TotpOnAlreadyError
from nightdrop.access.confirm import PasswordWrongError
from nightdrop.access.sign_in import SignInFailedError, TotpNeededError, TotpWrongError
from nightdrop.access.throttle import ThrottledError


def events(db, event):
    with db.read() as connection:
        rows = connection.execute(text("SELECT body FROM audit WHERE event = :e ORDER BY seq"), {"e": event}).all()
    return [json.loads(bytes(row.body)) for row in rows]


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
