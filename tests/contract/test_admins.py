"""Admins: made, changed, reset and removed by super admins and the host's owner; what they may do is read each time."""

import json

import pytest
from sqlalchemy import text

from accounts import HERE, PASSWORD
from nightdrop.access.account_names import AccountNameError, normalised
from nightdrop.access.admins import AdminExistsError, AdminMissingError, LastSuperError, PermissionUnknownError
from nightdrop.access.setup_links import SetupLinkInvalidError
from nightdrop.access.sign_in import SignInFailedError
from nightdrop.access.sites import SiteMissingError
from nightdrop.core.errors import DeniedError
from nightdrop.core.ids import new_id
from vault import OWNER


def entries(db, event):
    with db.read() as connection:
        wanted = text("SELECT site_id, body FROM audit WHERE event = :e ORDER BY seq")
        return [(row.site_id, json.loads(bytes(row.body))) for row in connection.execute(wanted, {"e": event})]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Bob", "bob"),
        (" bob@example.com ", "bob@example.com"),
        ("\u212aelvin", "kelvin"),
        ("a" * 64, "a" * 64),
        ("a" * 65, None),
        ("", None),
        ("-x", None),
        ("a b", None),
        ("b\u043eb", None),
        ("bob/ci", None),
        ("..", None),
        ("x\0", None),
        ("\ud800", None),
        ("a" * 1_000_000, None),
    ],
)
def test_a_name_has_one_form(typed, name):
    assert normalised(typed) == name


def test_an_admin_from_invitation_to_removal(accounts, vault):
    site = vault.site.id
    admin, link = accounts.admins.create(OWNER, "Bob", grants={site: ["secrets:view", "runs:run"]})
    assert (admin.name, admin.set_up, admin.is_super) == ("bob", False, False)
    assert accounts.admins.get(OWNER, "BOB") == accounts.admins.get(OWNER, admin.id) == admin
    session = accounts.sign_in.set_up(link.token, "bob", PASSWORD, HERE)
    assert accounts.admins.get(OWNER, "bob").set_up
    caller = accounts.credentials.of_session(session.cookie)
    assert caller.may("secrets:view", site)
    assert not caller.may("secrets:edit", site)
    accounts.admins.delete(OWNER, admin.id)
    assert accounts.credentials.of_session(session.cookie) is None
    with pytest.raises(AdminMissingError):
        accounts.admins.get(OWNER, "bob")
    with accounts.db.read() as connection:
        for table in ("admin_grants", "admin_sessions"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0


def test_what_is_taken_away_is_gone_at_once(accounts, vault):
    site = vault.site.id
    session = accounts.new("bob", {site: ["secrets:view"]})
    vault.secrets.list(accounts.credentials.of_session(session.cookie), site)
    accounts.admins.change(OWNER, session.caller.admin_id, grants={})
    with pytest.raises(DeniedError):
        vault.secrets.list(accounts.credentials.of_session(session.cookie), site)


@pytest.mark.parametrize("name", ["bob", "BOB", " Bob ", "\uff42ob"])
def test_17_a_name_is_taken_in_every_spelling(accounts, name):
    accounts.new("bob")
    with pytest.raises(AdminExistsError):
        accounts.admins.create(OWNER, name)


def test_bad_input_changes_nothing(accounts, vault):
    admin, _ = accounts.admins.create(OWNER, "bob")
    before = accounts.admins.get(OWNER, "bob")
    for grants, error in [
        ({vault.site.id: ["secrets:read"]}, PermissionUnknownError),
        ({vault.site.id: ["sites:edit"]}, PermissionUnknownError),
        ({vault.site.id: ["admins:edit"]}, PermissionUnknownError),
        ({"*": ["secrets:view"]}, SiteMissingError),
        ({"default": ["secrets:view"]}, SiteMissingError),
        ({vault.site.id.upper(): ["secrets:view"]}, SiteMissingError),
        ({new_id("site"): ["secrets:view"]}, SiteMissingError),
    ]:
        with pytest.raises(error):
            accounts.admins.change(OWNER, admin.id, grants=grants)
        with pytest.raises(error):
            accounts.admins.create(OWNER, "eve", grants=grants)
    with pytest.raises(AccountNameError):
        accounts.admins.create(OWNER, "no spaces")
    for missing in (new_id("adm"), "x", "bob"):
        with pytest.raises(AdminMissingError):
            accounts.admins.change(OWNER, missing, disabled=True)
    assert accounts.admins.list(OWNER).items == (before,)


def test_a_reset_takes_everything_that_lets_one_in(accounts):
    session = accounts.new("bob")
    accounts.with_totp(session.caller)
    admin, link = accounts.admins.reset(OWNER, session.caller.admin_id)
    assert not admin.set_up
    assert accounts.credentials.of_session(session.cookie) is None
    with pytest.raises(SignInFailedError):
        accounts.enter("bob")
    new = "another horse and its battery"
    accounts.sign_in.set_up(link.token, "bob", new, HERE)
    assert accounts.enter("bob", new)


def test_a_reset_opens_a_locked_account_again(accounts):
    session = accounts.new("bob")
    for _ in range(5):
        with pytest.raises(SignInFailedError):
            accounts.enter("bob", "wrong")
    _, link = accounts.admins.reset(OWNER, session.caller.admin_id)
    accounts.sign_in.set_up(link.token, "bob", PASSWORD, HERE)
    assert accounts.enter("bob")


def test_a_newer_link_replaces_the_one_before(accounts):
    admin, first = accounts.admins.create(OWNER, "bob")
    _, second = accounts.admins.reset(OWNER, admin.id)
    with pytest.raises(SetupLinkInvalidError):
        accounts.sign_in.set_up(first.token, "bob", PASSWORD, HERE)
    accounts.admins.change(OWNER, admin.id, disabled=True)
    with pytest.raises(SetupLinkInvalidError):
        accounts.sign_in.set_up(second.token, "bob", PASSWORD, HERE)
    accounts.admins.change(OWNER, admin.id, disabled=False)
    accounts.sign_in.set_up(second.token, "bob", PASSWORD, HERE)


def test_a_disabled_admin_is_out_and_back_in_without_the_old_session(accounts):
    session = accounts.new("bob")
    accounts.admins.change(OWNER, session.caller.admin_id, disabled=True)
    assert accounts.credentials.of_session(session.cookie) is None
    with pytest.raises(SignInFailedError):
        accounts.enter("bob")
    accounts.admins.change(OWNER, session.caller.admin_id, disabled=False)
    assert accounts.credentials.of_session(session.cookie) is None
    assert accounts.enter("bob")


def test_the_last_super_admin_stays_unless_the_host_says_so(accounts):
    first = accounts.first().caller
    second = accounts.new("second", is_super=True).caller
    accounts.admins.change(first, second.admin_id, disabled=True)
    for attempt in (
        lambda c: accounts.admins.delete(c, first.admin_id),
        lambda c: accounts.admins.change(c, first.admin_id, is_super=False),
        lambda c: accounts.admins.change(c, first.admin_id, disabled=True),
    ):
        with pytest.raises(LastSuperError):
            attempt(first)
    accounts.admins.change(first, second.admin_id, disabled=False)
    accounts.admins.change(first, first.admin_id, is_super=False)
    accounts.admins.delete(OWNER, second.admin_id)


def test_a_super_admin_sees_no_content_until_it_grants_it_to_itself_which_is_recorded(accounts, vault):
    vault.put("a")
    site = vault.site.id
    session = accounts.new("boss", is_super=True)
    caller = session.caller
    assert [each.name for each in vault.sites.list(caller)] == ["default"]
    for call in (
        lambda c: vault.secrets.list(c, site),
        lambda c: vault.secrets.get_info(c, site, "a"),
        lambda c: vault.secrets.sealing_key(c, site, "a"),
        lambda c: vault.sites.set(c, site, {"cpu": 5}),
    ):
        with pytest.raises(DeniedError):
            call(caller)
    accounts.admins.change(caller, caller.admin_id, grants={site: ["secrets:view"]})
    [(about, body)] = entries(accounts.db, "admin.granted_itself")
    assert about == site
    assert body["actor"] == {"kind": "session", "name": "boss"}
    assert body["detail"] == {"granted": ["secrets:view"]}
    assert vault.secrets.list(accounts.credentials.of_session(session.cookie), site).items
    # To another admin is no such event, nor what one had already.
    other = accounts.admins.create(OWNER, "other")[0]
    accounts.admins.change(caller, other.id, grants={site: ["secrets:view"]})
    accounts.admins.change(caller, caller.admin_id, grants={site: ["secrets:view"]})
    assert len(entries(accounts.db, "admin.granted_itself")) == 1


def test_only_super_admins_manage_admins(accounts, vault):
    site = vault.site.id
    everything = {site: ["secrets:view", "secrets:edit", "scripts:edit", "settings:edit", "audit:view"]}
    caller = accounts.new("bob", everything).caller
    before = accounts.admins.list(OWNER).items
    for call in (
        lambda: accounts.admins.list(caller),
        lambda: accounts.admins.get(caller, "bob"),
        lambda: accounts.admins.create(caller, "eve"),
        lambda: accounts.admins.change(caller, caller.admin_id, is_super=True),
        lambda: accounts.admins.delete(caller, caller.admin_id),
        lambda: accounts.admins.reset(caller, caller.admin_id),
        lambda: accounts.admins.first_setup_link(caller),
    ):
        with pytest.raises(DeniedError):
            call()
    assert accounts.admins.list(OWNER).items == before
    assert len(entries(accounts.db, "access.denied")) == 7


def test_a_name_that_is_used_again_inherits_nothing(accounts, vault):
    site = vault.site.id
    old = accounts.new("bob", {site: ["secrets:view"]})
    token = accounts.tokens.create(old.caller, "ci", [site], ["secrets:view"])
    accounts.admins.delete(OWNER, old.caller.admin_id)
    new = accounts.new("bob")
    assert new.caller.admin_id != old.caller.admin_id
    assert accounts.credentials.of_token(token.token) is None
    assert accounts.tokens.list(new.caller).items == ()
    assert not new.caller.may("secrets:view", site)
