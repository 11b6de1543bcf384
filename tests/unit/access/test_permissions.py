import pytest

from nightdrop.access.permissions import CARRIERS, Permission, allowed
from nightdrop.core.caller import ALL_SITES, SYSTEM, Caller, host_owner

KINDS = ("host", "session", "token", "system", "other")


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_says_who_may_carry_it(permission):
    assert CARRIERS[permission] <= set(KINDS)
    assert {"host", "session", "system"} <= CARRIERS[permission]


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
    assert all(allowed(caller, permission) for caller in (SYSTEM, host_owner("me")) for permission in Permission)


def test_a_token_makes_no_sites():
    assert {permission for permission in Permission if "token" not in CARRIERS[permission]} == {
        Permission.SITE_CREATE,
        Permission.SITE_CHANGE,
        Permission.AUDIT_READ,
        Permission.KEY_ROTATE,
    }
