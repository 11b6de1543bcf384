"""The lists of sites, admins, tokens and sessions come in pages, as those of secrets and scripts do."""

import base64
import json

import pytest

from nightdrop.core.cursor import CursorError
from vault import OWNER

SITE_ID = "site_00000000000000000000000000"


@pytest.fixture
def lists(vault, accounts):
    """A method and a caller for each list, and what makes its next item."""
    bob = accounts.new("bob", {vault.site.id: ["runs:view"]}).caller

    def start_session():
        vault.clock.advance(1)
        accounts.enter("bob")

    return {
        "sites": (vault.sites.page, OWNER, lambda: vault.new_site(f"site-{len(vault.sites.list(OWNER))}")),
        "admins": (accounts.admins.list, OWNER, lambda: accounts.admins.create(OWNER, name("a"))),
        "tokens": (
            accounts.tokens.list,
            bob,
            lambda: accounts.tokens.create(bob, name("t"), [vault.site.id], ["runs:view"]),
        ),
        "sessions": (accounts.sessions.list, bob, start_session),
    }


_USED = []


def name(prefix):
    # Not in the order in which they are made.
    _USED.append(prefix)
    return f"{prefix}{len(_USED) * 7919 % 10_007}"


def walk(method, caller, limit):
    items, cursor = [], None
    while True:
        page = method(caller, limit=limit, cursor=cursor)
        items += page.items
        if page.cursor is None:
            return items
        assert len(page.items) == limit
        cursor = page.cursor


@pytest.mark.parametrize("kind", ["sites", "admins", "tokens", "sessions"])
def test_pages_put_together_are_the_whole_list(lists, kind):
    method, caller, make = lists[kind]
    for _ in range(6):
        make()
    whole = list(method(caller).items)
    key = (lambda one: -one.created_ms) if kind == "sessions" else (lambda one: one.name)
    assert len(whole) >= 6
    assert whole == sorted(whole, key=key)
    for limit in (1, 2, len(whole), 100):
        assert walk(method, caller, limit) == whole


@pytest.mark.parametrize("kind", ["sites", "admins", "tokens", "sessions"])
@pytest.mark.parametrize("limit", [-1, 0, 10**9])
def test_the_limit_is_kept_in_bounds(lists, kind, limit):
    method, caller, make = lists[kind]
    make()
    make()
    assert len(method(caller, limit=limit).items) == (len(method(caller).items) if limit > 1 else 1)


def cursor_of(*parts):
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize("kind", ["sites", "admins", "tokens", "sessions"])
@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "\u00e9",
        "\ud800",
        "W" * 2000,
        cursor_of(),
        cursor_of("sites", 1, SITE_ID),
        cursor_of("sites", "a\0", SITE_ID),
        cursor_of("sites", "a", "site_x"),
        cursor_of("sessions", True, SITE_ID),
        cursor_of("name", "a", SITE_ID),
    ],
)
def test_a_cursor_that_is_none(lists, kind, cursor):
    method, caller, _ = lists[kind]
    with pytest.raises(CursorError):
        method(caller, cursor=cursor)


def test_a_session_that_is_used_meanwhile_is_on_one_page(lists, accounts, clock):
    method, caller, make = lists["sessions"]
    for _ in range(3):
        make()
    whole = [one.id for one in method(caller).items]
    first = method(caller, limit=2)
    clock.advance(120_000)
    accounts.enter("bob")
    with accounts.db.write() as connection:
        connection.exec_driver_sql(f"UPDATE admin_sessions SET seen_ms = {clock.now_ms()} WHERE id = '{whole[-1]}'")
    rest = method(caller, limit=100, cursor=first.cursor)
    assert [one.id for one in (*first.items, *rest.items)] == whole


def test_a_page_of_sites_has_what_the_caller_may_see_and_is_full(vault, accounts):
    mine = [vault.new_site(f"{letter}-mine") for letter in "bdf"]
    for letter in "ace":
        vault.new_site(f"{letter}-theirs")
    eve = accounts.new("eve", {site.id: ["secrets:view"] for site in mine} | {vault.site.id: []}).caller
    first = vault.sites.page(eve, limit=2)
    assert [site.name for site in first.items] == ["b-mine", "d-mine"]
    assert [site.name for site in vault.sites.page(eve, limit=2, cursor=first.cursor).items] == ["f-mine"]
    nobody = accounts.new("nobody").caller
    assert vault.sites.page(nobody).items == ()
    boss = accounts.new("boss", is_super=True).caller
    assert len(vault.sites.page(boss).items) == 7


def test_the_admins_of_a_page_have_their_own_grants(vault, accounts):
    other = vault.new_site("other")
    for admin, site in (("ann", vault.site.id), ("ben", other.id), ("cat", vault.site.id)):
        accounts.admins.create(OWNER, admin, grants={site: ["runs:view"]})
    assert [(one.name, dict(one.grants)) for one in walk(accounts.admins.list, OWNER, 2)] == [
        ("ann", {vault.site.id: frozenset({"runs:view"})}),
        ("ben", {other.id: frozenset({"runs:view"})}),
        ("cat", {vault.site.id: frozenset({"runs:view"})}),
    ]
