"""Every route, for every kind of caller: who is let in, who is refused, and for whom a thing does not exist."""

from dataclasses import dataclass

import pytest
from starlette.routing import Route

from accounts import PASSWORD, Accounts
from nightdrop.access.permissions import CARRIERS, SITE_PERMISSIONS, TOKEN_PERMISSIONS, Permission
from nightdrop.api.app import create_app
from route_table import PUBLIC, ROUTES, World
from vault import OWNER
from web import Web

ALL = frozenset(SITE_PERMISSIONS)


@dataclass
class Who:
    """A caller: how it is sent, what it was given here, and whether it is (still) good for anything."""

    name: str
    kind: str
    options: dict
    here: frozenset = frozenset()
    is_super: bool = False
    dead: bool = False

    def may(self, permission) -> bool:
        if self.kind == "host":
            return "host" in CARRIERS[permission]
        wide = {Permission.ACCOUNT_EDIT} | ({Permission.SITES_EDIT, Permission.ADMINS_EDIT} if self.is_super else set())
        return self.kind in CARRIERS[permission] and permission in (wide if permission not in ALL else self.here)

    @property
    def sees(self) -> bool:
        return self.kind == "host" or self.is_super or any(map(self.may, ALL))


class Matrix(World):
    """The world with a caller of every kind."""

    def __init__(self, web) -> None:
        super().__init__(web)
        self.accounts = Accounts(web.db, web.clock)
        self.common = self.everybody()

    def everybody(self) -> list[Who]:
        self.enter("an-admin-so-that-set-up-is-over")
        return [
            Who("nobody", "none", {}, dead=True),
            Who("host", "host", {"listener": "socket"}, ALL),
            Who("super without grants", "session", self.enter("super", is_super=True)[0], is_super=True),
            Who("session without grants", "session", self.enter("ungranted")[0]),
            Who("session with everything", "session", self.enter("every", {self.here: ALL})[0], ALL),
            Who("session of the other site", "session", self.enter("other", {self.there: ALL})[0]),
            self.token("token with everything", {self.here: ALL}, TOKEN_PERMISSIONS),
            self.other_token(),
            self.token_whose_owner_lost_it_all(),
            *self.dead(),
        ]

    def enter(self, name, grants=None, *, is_super=False):
        session = self.accounts.new(self.name(f"{name}-".replace(" ", "-")), grants, is_super=is_super)
        return {"cookie": session.cookie}, session

    def session(self, permissions) -> Who:
        grants = {self.here: permissions} if permissions else None
        return Who(f"session with {sorted(permissions)}", "session", self.enter("p", grants)[0], frozenset(permissions))

    def token(self, name, grants, permissions) -> Who:
        _, session = self.enter("owner", grants)
        made = self.accounts.tokens.create(session.caller, "ci", [self.here], sorted(permissions))
        return Who(name, "token", {"token": made.token}, frozenset(permissions) & grants[self.here])

    def other_token(self) -> Who:
        _, session = self.enter("owner", {self.there: ALL})
        made = self.accounts.tokens.create(session.caller, "ci", [self.there], sorted(TOKEN_PERMISSIONS))
        return Who("token of the other site", "token", {"token": made.token})

    def token_whose_owner_lost_it_all(self) -> Who:
        _, session = self.enter("owner", {self.here: ALL})
        made = self.accounts.tokens.create(session.caller, "ci", [self.here], sorted(TOKEN_PERMISSIONS))
        self.accounts.admins.change(OWNER, session.caller.admin_id, grants={})
        return Who("token whose owner lost it all", "token", {"token": made.token})

    def dead(self):
        clock = self.web.clock

        def token(session, **more):
            return self.accounts.tokens.create(
                session.caller, self.name("t"), [self.here], sorted(TOKEN_PERMISSIONS), **more
            )

        _, owner = self.enter("owner", {self.here: ALL})
        expired, revoked = token(owner, expires_ms=clock.now_ms() + 1), token(owner)
        self.accounts.tokens.revoke(owner.caller, revoked.info.id)
        ended, ended_session = self.enter("ended", {self.here: ALL}, is_super=True)
        self.accounts.sessions.sign_out(ended_session.caller)
        locked, locked_session = self.enter("locked", {self.here: ALL}, is_super=True)
        locked_token = token(locked_session)
        self.accounts.admins.change(OWNER, locked_session.caller.admin_id, disabled=True)
        gone, gone_session = self.enter("gone", {self.here: ALL}, is_super=True)
        gone_token = token(gone_session)
        self.accounts.admins.delete(OWNER, gone_session.caller.admin_id)
        clock.advance(1)
        shown = {
            "expired token": {"token": expired.token},
            "revoked token": {"token": revoked.token},
            "token of a disabled admin": {"token": locked_token.token},
            "token of a removed admin": {"token": gone_token.token},
            "made-up token": {"token": "nd_" + "a" * 43},
            "a cookie as a token": {"token": owner.cookie},
            "ended session": ended,
            "session of a disabled admin": locked,
            "session of a removed admin": gone,
            "made-up session": {"cookie": "a" * 43},
            "a token as a cookie": {"cookie": expired.token},
        }
        return [Who(name, "none", options, dead=True) for name, options in shown.items()]

    def callers(self, entry) -> list[Who]:
        """Everybody, and for what the route needs: who has just that, and who has all but that."""
        needed = {p for p in {entry.permission, *entry.also} if p in ALL}
        more = []
        if needed:
            more += [self.session(needed), *(self.session(ALL - {p}) for p in needed)]
            given = needed & set(TOKEN_PERMISSIONS)
            if given:
                more += [self.token("token with just that", {self.here: ALL}, given)]
                more += [self.token("token without one", {self.here: ALL}, set(TOKEN_PERMISSIONS) - {p}) for p in given]
                # Written into the token, but no longer its owner's.
                more += [self.token("token of a poor owner", {self.here: ALL}, given)]
                self.impoverish(more[-1], given)
        return self.common + more

    def impoverish(self, who: Who, given) -> None:
        caller = self.accounts.credentials.of_token(who.options["token"])
        self.accounts.admins.change(OWNER, caller.admin_id, grants={self.here: ALL - given})
        who.here = frozenset()


def expected(who: Who, entry) -> int:
    if entry.permission == PUBLIC or (entry.permission is None and not who.dead):
        return entry.ok
    if who.dead:
        return 401
    return refusal(who, entry) or entry.ok


def refusal(who: Who, entry) -> int | None:
    if entry.permission == "sees":
        return None if who.sees else 404
    about_one_site = entry.of_site and entry.permission in ALL
    # What somebody has not even the right to look at does not exist.
    if about_one_site and not (who.may(Permission.RUNS_VIEW) if entry.hidden else who.sees):
        return 404
    return None if all(map(who.may, [entry.permission, *entry.also])) else 403


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    web = Web(tmp_path_factory.mktemp("web"))
    yield Matrix(web)
    web.close()


def routes_of(router, prefix=""):
    found = set()
    for route in router.routes:
        if (inner := getattr(route, "original_router", None)) is not None:
            found |= routes_of(inner, prefix + route.include_context.prefix)
            continue
        assert isinstance(route, Route), f"{route} is no plain route: the table cannot judge it"
        found |= {(method, prefix + route.path) for method in route.methods - {"HEAD"}}
    return found


def test_every_route_has_an_entry():
    assert routes_of(create_app()) == set(ROUTES)


@pytest.mark.parametrize("route", sorted(ROUTES), ids=lambda route: " ".join(route))
def test_who_gets_in(world, route):
    """Group 19: the roles hold at the API, whatever a page shows."""
    method, entry = route[0], ROUTES[route]
    wrong = []
    for number, who in enumerate(world.callers(entry)):
        request = entry.make(world)
        # Each from an address of its own: nobody is slowed down by the others here.
        options = {"address": f"10.{number}.{hash(route) % 250}.1", **who.options}
        answer = world.web.ask(method, request.path, request.body, **options)
        if answer.status != expected(who, entry):
            wrong.append((who.name, answer.status, expected(who, entry), answer.body[:200]))
        assert PASSWORD.encode() not in answer.everything
    if route == ("DELETE", "/api/v1/session"):
        world.common = world.everybody()
    assert wrong == []


def test_the_table_covers_every_permission():
    used = {p for entry in ROUTES.values() for p in {entry.permission, *entry.also}}
    assert set(Permission) <= used
