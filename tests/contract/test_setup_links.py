"""Set-up links: each lets its owner in once, within a day."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts import HERE, PASSWORD
from nightdrop.access.account_names import AccountNameError
from nightdrop.access.admins import SetUpAlreadyError
from nightdrop.access.passwords import PasswordCommonError, PasswordTooShortError
from nightdrop.access.setup_links import LIFETIME_MS, SetupLinkInvalidError
from nightdrop.access.sign_in import SetupNameError
from vault import OWNER


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
