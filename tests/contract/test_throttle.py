"""Attempts that fail are slowed down, and nobody gets around it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from accounts import WRONG, fail
from nightdrop.access import throttle
from nightdrop.access.sessions import Origin
from nightdrop.access.sign_in import SignInFailedError
from nightdrop.access.throttle import ThrottledError


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


def test_failures_that_are_forgotten_meanwhile_stop_no_attempt(db, clock):
    """Somebody who gets in deletes the count of an account while others try it."""
    rules = {"account:x": throttle.ACCOUNT}

    def attempt(number):
        with db.write() as connection:
            if number % 2:
                throttle.forget_failures(connection, "account:x")
            else:
                with suppress(ThrottledError):
                    throttle.begin_attempt(connection, clock.now_ms(), rules)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(attempt, range(200)))
