import pytest

from nightdrop.access.permissions import CARRIERS, SITE_PERMISSIONS, Permission, allowed, sees_site
from nightdrop.cli.admin import PERMISSIONS as COMMAND_LINE
from nightdrop.core.caller import ALL_SITES, SYSTEM, Caller, host_owner

KINDS = ("host", "session", "token", "system", "other")


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_says_who_may_carry_it(permission):
    assert CARRIERS[permission] <= set(KINDS)
    # The account that a session belongs to: nobody else has one.
    others = {"session"} if permission is Permission.ACCOUNT_EDIT else {"host", "session", "system"}
    assert others <= CARRIERS[permission]


def test_the_table_has_nothing_else():
    assert set(CARRIERS) == set(Permission)


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("kind", KINDS)
def test_a_grant_counts_on_its_site_and_for_its_kind_only(permission, kind):
    carried = kind in CARRIERS[permission]
    here = Caller(kind, "x", grants={"site_a": frozenset({permission.value})})
    assert allowed(here, permission, "site_a") is carried
    assert not allowed(here, permission, "site_b")
    assert not allowed(here, permission)
    everywhere = Caller(kind, "x", grants={ALL_SITES: frozenset({permission.value})})
    assert allowed(everywhere, permission, "site_b") is carried
    assert allowed(Caller(kind, "x", everything=True), permission) is carried
    others = frozenset(str(other) for other in Permission if other is not permission)
    assert not allowed(Caller(kind, "x", grants={"site_a": others}), permission, "site_a")


def test_the_owner_and_the_system_may_all():
    for caller in (SYSTEM, host_owner("me")):
        assert {p for p in Permission if not allowed(caller, p)} == {Permission.ACCOUNT_EDIT}


def test_the_permissions_are_what_people_are_shown():
    assert " ".join(SITE_PERMISSIONS) == (
        "secrets:view secrets:edit scripts:view scripts:edit runs:view runs:run audit:view settings:view settings:edit"
    )
    assert SITE_PERMISSIONS == COMMAND_LINE


def test_who_may_do_anything_in_a_site_knows_that_it_is_there():
    for permission in SITE_PERMISSIONS:
        caller = Caller("session", "x", {"site_a": frozenset({str(permission)})})
        assert sees_site(caller, "site_a")
        assert not sees_site(caller, "site_b")
    assert sees_site(Caller("session", "x", {ALL_SITES: frozenset({"sites:edit"})}), "site_b")
    assert not sees_site(Caller("session", "x", {ALL_SITES: frozenset({"account:edit"})}), "site_b")
    assert not sees_site(Caller("made-up", "x", everything=True), "site_a")


def test_a_token_cannot_make_itself_more():
    assert {permission for permission in Permission if "token" not in CARRIERS[permission]} == {
        Permission.SITES_EDIT,
        Permission.SETTINGS_EDIT,
        Permission.ADMINS_EDIT,
        Permission.ACCOUNT_EDIT,
    }
