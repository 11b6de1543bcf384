"""API tokens: never more than their owner may, at the time of use."""

import pytest
from sqlalchemy import text

from nightdrop.access.permissions import SITE_PERMISSIONS, TOKEN_PERMISSIONS
from nightdrop.access.sites import SiteMissingError
from nightdrop.access.tokens import (
    TokenExistsError,
    TokenExpiryError,
    TokenInvalidError,
    TokenMissingError,
    TokenPermissionError,
    TokenTooWideError,
)
from nightdrop.core.errors import DeniedError
from nightdrop.core.ids import new_id
from vault import OWNER

ALL = list(SITE_PERMISSIONS)


@pytest.fixture
def bob(accounts, vault):
    return accounts.new("bob", {vault.site.id: ALL}).caller


def test_a_token_does_what_is_written_in_it(accounts, vault, bob, clock):
    site = vault.site.id
    made = accounts.tokens.create(bob, "ci", [site], ["runs:run", "secrets:view"], clock.now_ms() + 1000)
    assert made.token.startswith("nd_")
    assert made.info.prefix == made.token[:8]
    assert made.token not in repr(made)
    assert accounts.tokens.list(bob).items == (made.info,)
    caller = accounts.credentials.of_token(made.token)
    assert (caller.kind, caller.name) == ("token", "bob/ci")
    assert {p for p in ALL if caller.may(p, site)} == {"runs:run", "secrets:view"}
    vault.secrets.list(caller, site)
    with pytest.raises(DeniedError):
        vault.secrets.sealing_key(caller, site)
    clock.advance(1000)
    assert accounts.credentials.of_token(made.token) is None


def test_a_token_shrinks_and_grows_with_its_owner_but_not_beyond_itself(accounts, vault, bob):
    site, other = vault.site.id, vault.new_site("other").id
    made = accounts.tokens.create(bob, "ci", [site], ["secrets:view"])

    def rights():
        caller = accounts.credentials.of_token(made.token)
        return {(s, p) for s in (site, other) for p in ALL if caller.may(p, s)}

    accounts.admins.change(OWNER, bob.admin_id, grants={other: ALL})
    assert rights() == set()
    accounts.admins.change(OWNER, bob.admin_id, grants={site: ALL, other: ALL}, is_super=True)
    assert rights() == {(site, "secrets:view")}
    caller = accounts.credentials.of_token(made.token)
    assert not any(caller.may(p) for p in ("sites:edit", "admins:edit", "account:edit"))


def test_a_token_is_dead_while_its_owner_is_disabled_and_when_revoked(accounts, vault, bob):
    made = accounts.tokens.create(bob, "ci", [vault.site.id], ["secrets:view"])
    accounts.admins.change(OWNER, bob.admin_id, disabled=True)
    assert accounts.credentials.of_token(made.token) is None
    accounts.admins.change(OWNER, bob.admin_id, disabled=False)
    caller = accounts.credentials.of_token(made.token)
    accounts.tokens.revoke(bob, made.info.id)
    assert accounts.credentials.of_token(made.token) is None
    assert accounts.credentials.again(caller) is None


def test_a_tampered_row_gives_no_more_than_the_owner_has(accounts, vault, bob):
    """Who can write into the table of tokens gets no permission that tokens never carry."""
    made = accounts.tokens.create(bob, "ci", [vault.site.id], ["secrets:view"])
    with accounts.db.write() as connection:
        wide = '["settings:edit", "sites:edit", "admins:edit", "secrets:edit"]'
        connection.execute(text("UPDATE admin_tokens SET permissions = :p, sites = :s"), {"p": wide, "s": '["*"]'})
    assert not any(accounts.credentials.of_token(made.token).grants.values())
    with accounts.db.write() as connection:
        connection.execute(text("UPDATE admin_tokens SET sites = :s"), {"s": f'["{vault.site.id}"]'})
    assert accounts.credentials.of_token(made.token).grants == {vault.site.id: frozenset({"secrets:edit"})}


def test_what_cannot_be_made(accounts, vault, bob, clock):
    site, other = vault.site.id, vault.new_site("other").id
    boss = accounts.new("boss", {site: ["secrets:view"]}, is_super=True).caller
    for caller, name, sites, permissions, expires, error in [
        (bob, "", [site], ["secrets:view"], None, TokenInvalidError),
        (bob, " x", [site], ["secrets:view"], None, TokenInvalidError),
        (bob, "x\n", [site], ["secrets:view"], None, TokenInvalidError),
        (bob, "x" * 65, [site], ["secrets:view"], None, TokenInvalidError),
        (bob, "x", [], ["secrets:view"], None, TokenInvalidError),
        (bob, "x", [site, site], ["secrets:view"], None, TokenInvalidError),
        (bob, "x", [site], [], None, TokenInvalidError),
        (bob, "x", [site], ["settings:edit"], None, TokenPermissionError),
        (bob, "x", [site], ["sites:edit"], None, TokenPermissionError),
        (bob, "x", [site], ["secrets:read"], None, TokenPermissionError),
        (bob, "x", [other], ["secrets:view"], None, SiteMissingError),
        (bob, "x", ["*"], ["secrets:view"], None, SiteMissingError),
        (bob, "x", [new_id("site")], ["secrets:view"], None, SiteMissingError),
        (bob, "x", [site], ["secrets:view"], clock.now_ms(), TokenExpiryError),
        (boss, "x", [site], ["secrets:view", "secrets:edit"], None, TokenTooWideError),
        (boss, "x", [other], ["secrets:view"], None, TokenTooWideError),
    ]:
        with pytest.raises(error):
            accounts.tokens.create(caller, name, sites, permissions, expires)
    assert accounts.tokens.list(bob).items == accounts.tokens.list(boss).items == ()


def test_names_are_ones_own(accounts, vault, bob):
    eve = accounts.new("eve", {vault.site.id: ALL}).caller
    made = accounts.tokens.create(bob, "ci", [vault.site.id], list(TOKEN_PERMISSIONS))
    with pytest.raises(TokenExistsError):
        accounts.tokens.create(bob, "ci", [vault.site.id], ["secrets:view"])
    eves = accounts.tokens.create(eve, "ci", [vault.site.id], ["secrets:view"])
    assert accounts.tokens.list(eve).items == (eves.info,)
    for missing in (made.info.id, new_id("tok"), "x", made.token):
        with pytest.raises(TokenMissingError):
            accounts.tokens.revoke(eve, missing)
    assert accounts.credentials.of_token(made.token)


def test_the_last_use_is_noted_to_the_minute_and_not_at_each_use(accounts, vault, bob, clock):
    made = accounts.tokens.create(bob, "ci", [vault.site.id], ["secrets:view"])
    times = []
    for _ in range(4):
        clock.advance(25_000)
        accounts.credentials.of_token(made.token)
        times.append(accounts.tokens.list(bob).items[0].used_ms - made.info.created_ms)
    assert times == [25_000, 25_000, 25_000, 100_000]


def test_a_token_that_cannot_note_its_use_works_all_the_same(accounts, vault, bob, monkeypatch):
    made = accounts.tokens.create(bob, "ci", [vault.site.id], ["secrets:view"])
    from nightdrop.db.errors import DatabaseBusyError

    def busy(**_):
        raise DatabaseBusyError

    monkeypatch.setattr(accounts.db, "write", busy)
    assert accounts.credentials.of_token(made.token)


def test_a_cookie_is_no_token_and_a_token_no_cookie(accounts, vault, bob):
    made = accounts.tokens.create(bob, "ci", [vault.site.id], ["secrets:view"])
    session = accounts.enter("bob")
    assert accounts.credentials.of_token(session.cookie) is None
    assert accounts.credentials.of_token("nd_" + session.cookie) is None
    assert accounts.credentials.of_session(made.token) is None
    for near in (made.token[:-1], made.token + "A", made.token.swapcase(), " " + made.token):
        assert accounts.credentials.of_token(near) is None
