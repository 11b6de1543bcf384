"""Every route of the server: what it needs, and a request that does something when it is allowed.

A route that is not here fails a test. ``permission`` is what it needs; ``None`` is nothing but a credential,
``PUBLIC`` not even that. ``hidden`` routes answer 404 to whom they refuse: what they are about does not exist for them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from sqlalchemy import text

from accounts import PASSWORD
from nightdrop.access.permissions import Permission
from nightdrop.core.ids import new_id
from nightdrop.triggers.settings import WebhookSettings
from vault import OWNER

PUBLIC = "public"
_NUMBER = count(1)


@dataclass(frozen=True)
class Request:
    path: str
    body: object = None


@dataclass(frozen=True)
class Entry:
    make: Callable[["World"], Request]
    ok: int
    permission: object
    of_site: bool = True
    hidden: bool = False
    also: frozenset = frozenset()


class World:
    """A server with two sites; makes fresh things to act on."""

    def __init__(self, web) -> None:
        self.web = web
        self.here, self.there = web.new_site("here"), web.new_site("there")

    def name(self, prefix: str = "n") -> str:
        return f"{prefix}{next(_NUMBER)}"

    def secret(self, site=None) -> str:
        from nightdrop.api.values import put_value

        return put_value(self.web.services.secrets, OWNER, site or self.here, self.name("s"), "value").id

    def script(self, site=None) -> str:
        return self.web.services.scripts.push(OWNER, site or self.here, self.name("js"), "Log(1)", create=True).id

    def trigger(self, site=None) -> str:
        where = site or self.here
        return self.web.services.triggers.create(OWNER, where, self.script(where), WebhookSettings())[0].id

    def hook(self) -> str:
        return self.web.services.triggers.create(OWNER, self.here, self.script(), WebhookSettings())[1]

    def run(self, site=None) -> str:
        return self.web.services.runs.enqueue(OWNER, site or self.here, code="Log(1)", name="x").id

    def admin(self) -> str:
        return self.web.services.access.admins.create(OWNER, self.name("a"))[0].id

    def nobody_began_totp(self) -> None:
        with self.web.db.write() as connection:
            connection.execute(text("UPDATE admins SET totp_pending = NULL"))

    def link(self) -> str:
        _, link = self.web.services.access.admins.create(OWNER, self.name("a"))
        return link.token


def site(path: str, body=None):
    return lambda world: Request(f"/api/v1/sites/{world.here}{path}", body(world) if body else None)


def at(path: str, body=None):
    return lambda world: Request(f"/api/v1{path}", body(world) if body else None)


_MISSING = {name: new_id(name) for name in ("ses", "tok", "key")}

# Signing in and out, and one's own account: a wrong input, because a right one would end the session that asks.
_ACCOUNT = {
    ("GET", "/account"): Entry(at("/account"), 200, Permission.ACCOUNT_EDIT),
    ("PUT", "/account/password"): Entry(
        at("/account/password", lambda w: {"current": PASSWORD, "new": "qwertyuiop12"}), 422, Permission.ACCOUNT_EDIT
    ),
    ("POST", "/account/totp"): Entry(at("/account/totp"), 201, Permission.ACCOUNT_EDIT),
    ("POST", "/account/totp/confirm"): Entry(
        at("/account/totp/confirm", lambda w: w.nobody_began_totp() or {"code": "x"}), 409, Permission.ACCOUNT_EDIT
    ),
    ("DELETE", "/account/totp"): Entry(
        at("/account/totp", lambda w: {"password": PASSWORD}), 204, Permission.ACCOUNT_EDIT
    ),
    ("GET", "/account/sessions"): Entry(at("/account/sessions"), 200, Permission.ACCOUNT_EDIT),
    ("DELETE", "/account/sessions/{session}"): Entry(
        at(f"/account/sessions/{_MISSING['ses']}"), 404, Permission.ACCOUNT_EDIT
    ),
    ("GET", "/account/tokens"): Entry(at("/account/tokens"), 200, Permission.ACCOUNT_EDIT),
    ("POST", "/account/tokens"): Entry(
        at("/account/tokens", lambda w: {"name": "x", "sites": [], "permissions": []}), 422, Permission.ACCOUNT_EDIT
    ),
    ("DELETE", "/account/tokens/{token}"): Entry(
        at(f"/account/tokens/{_MISSING['tok']}"), 404, Permission.ACCOUNT_EDIT
    ),
    ("POST", "/account/passkeys/options"): Entry(
        at("/account/passkeys/options", lambda w: {"password": PASSWORD}), 200, Permission.ACCOUNT_EDIT
    ),
    ("POST", "/account/passkeys"): Entry(
        at("/account/passkeys", lambda w: {"name": "x", "credential": {}}), 422, Permission.ACCOUNT_EDIT
    ),
    ("DELETE", "/account/passkeys/{passkey}"): Entry(
        at(f"/account/passkeys/{_MISSING['key']}"), 404, Permission.ACCOUNT_EDIT
    ),
}

_SIGN_IN = {
    ("GET", "/session"): Entry(at("/session"), 200, PUBLIC),
    ("POST", "/session"): Entry(at("/session", lambda w: {"name": w.name("unknown"), "password": "x"}), 401, PUBLIC),
    ("DELETE", "/session"): Entry(at("/session"), 204, None),
    ("POST", "/session/passkey/options"): Entry(at("/session/passkey/options"), 200, PUBLIC),
    ("POST", "/session/passkey"): Entry(at("/session/passkey", lambda w: {"credential": {}}), 422, PUBLIC),
    ("POST", "/setup"): Entry(at("/setup", lambda w: {"token": "x", "name": "x", "password": PASSWORD}), 403, PUBLIC),
    ("POST", "/setup/invitation"): Entry(at("/setup/invitation", lambda w: {"token": w.link()}), 200, PUBLIC),
    ("POST", "/setup/link"): Entry(at("/setup/link"), 409, Permission.ADMINS_EDIT, of_site=False),
}


def _admin(suffix: str = "", body=None):
    return lambda world: Request(f"/api/v1/admins/{world.admin()}{suffix}", body)


_ADMINS = {
    ("GET", "/admins"): Entry(at("/admins"), 200, Permission.ADMINS_EDIT, of_site=False),
    ("POST", "/admins"): Entry(
        at("/admins", lambda w: {"name": w.name("a")}), 201, Permission.ADMINS_EDIT, of_site=False
    ),
    ("GET", "/admins/{admin}"): Entry(_admin(), 200, Permission.ADMINS_EDIT, of_site=False),
    ("PATCH", "/admins/{admin}"): Entry(_admin(body={"disabled": True}), 200, Permission.ADMINS_EDIT, of_site=False),
    ("DELETE", "/admins/{admin}"): Entry(_admin(), 204, Permission.ADMINS_EDIT, of_site=False),
    ("POST", "/admins/{admin}/reset"): Entry(_admin("/reset"), 200, Permission.ADMINS_EDIT, of_site=False),
}


def _thing(kind: str, suffix: str = "", body=None):
    def make(world):
        return Request(f"/api/v1/sites/{world.here}/{kind}s/{getattr(world, kind)()}{suffix}", body)

    return make


def _run(suffix: str = ""):
    return lambda world: Request(f"/api/v1/runs/{world.run()}{suffix}")


_SITES = {
    ("GET", "/sites"): Entry(at("/sites"), 200, None),
    ("POST", "/sites"): Entry(
        at("/sites", lambda w: {"name": w.name("site")}), 201, Permission.SITES_EDIT, of_site=False
    ),
    ("GET", "/sites/{site}"): Entry(site(""), 200, "sees"),
    ("PATCH", "/sites/{site}"): Entry(site("", lambda w: {"settings": {"cpu": 5}}), 200, Permission.SETTINGS_EDIT),
    ("GET", "/sites/{site}/keys"): Entry(site("/keys"), 200, Permission.SETTINGS_VIEW),
    ("POST", "/sites/{site}/rotations"): Entry(site("/rotations", lambda w: {}), 202, Permission.SETTINGS_EDIT),
    ("GET", "/sites/{site}/rotations/{epoch}"): Entry(site("/rotations/99"), 404, Permission.SETTINGS_VIEW),
    ("GET", "/sites/{site}/sealing-key"): Entry(site("/sealing-key"), 200, Permission.SECRETS_EDIT),
    ("GET", "/sites/{site}/secrets"): Entry(site("/secrets"), 200, Permission.SECRETS_VIEW),
    ("POST", "/sites/{site}/secrets"): Entry(
        site("/secrets", lambda w: {"name": w.name("s"), "value": "v"}), 201, Permission.SECRETS_EDIT
    ),
    ("GET", "/sites/{site}/secrets/{secret}"): Entry(_thing("secret"), 200, Permission.SECRETS_VIEW),
    ("PUT", "/sites/{site}/secrets/{secret}/value"): Entry(
        _thing("secret", "/value", {"value": "v"}),
        200,
        Permission.SECRETS_EDIT,
        also=frozenset({Permission.SECRETS_VIEW}),
    ),
    ("PATCH", "/sites/{site}/secrets/{secret}"): Entry(
        _thing("secret", body={"description": "d"}),
        200,
        Permission.SECRETS_EDIT,
        also=frozenset({Permission.SECRETS_VIEW}),
    ),
    ("DELETE", "/sites/{site}/secrets/{secret}"): Entry(
        _thing("secret"), 204, Permission.SECRETS_EDIT, also=frozenset({Permission.SECRETS_VIEW})
    ),
    ("GET", "/sites/{site}/secrets/{secret}/users"): Entry(
        _thing("secret", "/users"), 200, Permission.SCRIPTS_VIEW, also=frozenset({Permission.SECRETS_VIEW})
    ),
    ("GET", "/sites/{site}/scripts"): Entry(site("/scripts"), 200, Permission.SCRIPTS_VIEW),
    ("POST", "/sites/{site}/scripts"): Entry(
        site("/scripts", lambda w: {"name": w.name("js"), "code": "Log(1)"}), 201, Permission.SCRIPTS_EDIT
    ),
    ("POST", "/sites/{site}/scripts/check"): Entry(
        site("/scripts/check", lambda _: {"code": "Log(1)"}), 200, Permission.SCRIPTS_VIEW
    ),
    ("GET", "/sites/{site}/leaks"): Entry(site("/leaks"), 200, Permission.SCRIPTS_VIEW),
    ("GET", "/sites/{site}/scripts/{script}"): Entry(_thing("script"), 200, Permission.SCRIPTS_VIEW),
    ("PUT", "/sites/{site}/scripts/{script}"): Entry(
        _thing("script", body={"code": "Log(2)"}), 200, Permission.SCRIPTS_EDIT
    ),
    ("PATCH", "/sites/{site}/scripts/{script}"): Entry(
        _thing("script", body={"description": "x"}), 200, Permission.SCRIPTS_EDIT
    ),
    ("GET", "/sites/{site}/scripts/{script}/versions"): Entry(
        _thing("script", "/versions"), 200, Permission.SCRIPTS_VIEW
    ),
    ("GET", "/sites/{site}/scripts/{script}/versions/{number}"): Entry(
        _thing("script", "/versions/1"), 200, Permission.SCRIPTS_VIEW
    ),
    ("POST", "/sites/{site}/scripts/{script}/versions/{number}/restore"): Entry(
        _thing("script", "/versions/1/restore", body={}),
        200,
        Permission.SCRIPTS_EDIT,
        also=frozenset({Permission.SCRIPTS_VIEW}),
    ),
    ("POST", "/sites/{site}/scripts/{script}/clone"): Entry(
        _thing("script", "/clone", body={}),
        201,
        Permission.SCRIPTS_EDIT,
        also=frozenset({Permission.SCRIPTS_VIEW}),
    ),
    ("DELETE", "/sites/{site}/scripts/{script}"): Entry(_thing("script"), 204, Permission.SCRIPTS_EDIT),
    ("GET", "/sites/{site}/triggers"): Entry(site("/triggers"), 200, Permission.SCRIPTS_VIEW),
    ("POST", "/sites/{site}/triggers"): Entry(
        site("/triggers", lambda w: {"script": w.script(), "settings": {"kind": "webhook"}}),
        201,
        Permission.SCRIPTS_EDIT,
    ),
    ("POST", "/sites/{site}/triggers/upcoming"): Entry(
        site("/triggers/upcoming", lambda w: {"cron": "@daily"}), 200, Permission.SCRIPTS_VIEW
    ),
    ("GET", "/sites/{site}/triggers/{trigger}"): Entry(_thing("trigger"), 200, Permission.SCRIPTS_VIEW),
    ("PATCH", "/sites/{site}/triggers/{trigger}"): Entry(
        _thing("trigger", body={"enabled": False}), 200, Permission.SCRIPTS_EDIT
    ),
    ("POST", "/sites/{site}/triggers/{trigger}/address"): Entry(
        _thing("trigger", "/address", body={}), 200, Permission.SCRIPTS_EDIT
    ),
    ("DELETE", "/sites/{site}/triggers/{trigger}"): Entry(_thing("trigger"), 204, Permission.SCRIPTS_EDIT),
    ("GET", "/sites/{site}/runs"): Entry(site("/runs"), 200, Permission.RUNS_VIEW),
    ("GET", "/sites/{site}/runs/counts"): Entry(site("/runs/counts"), 200, Permission.RUNS_VIEW),
    ("POST", "/sites/{site}/runs"): Entry(
        # Code of one's own is more than a run: who may only run could read every secret with it.
        site("/runs", lambda w: {"code": "Log(1)", "name": "x"}),
        201,
        Permission.RUNS_RUN,
        also=frozenset({Permission.SCRIPTS_EDIT}),
    ),
    ("GET", "/runs/{run}"): Entry(_run(), 200, Permission.RUNS_VIEW, hidden=True),
    ("POST", "/runs/{run}/cancel"): Entry(
        _run("/cancel"), 200, Permission.RUNS_RUN, also=frozenset({Permission.RUNS_VIEW}), hidden=True
    ),
    ("GET", "/runs/{run}/logs"): Entry(_run("/logs"), 200, Permission.RUNS_VIEW, hidden=True),
    ("GET", "/runs/{run}/logs/stream"): Entry(_run("/logs/stream"), 200, Permission.RUNS_VIEW, hidden=True),
    ("GET", "/audit"): Entry(lambda w: Request(f"/api/v1/audit?site={w.here}"), 200, Permission.AUDIT_VIEW),
    ("GET", "/status"): Entry(at("/status"), 200, None),
    ("GET", "/openapi.json"): Entry(at("/openapi.json"), 200, PUBLIC),
}

ROUTES = {
    (method, f"/api/v1{path}"): entry
    for table in (_ACCOUNT, _SIGN_IN, _ADMINS, _SITES)
    for (method, path), entry in table.items()
} | {
    ("POST", "/hooks/{token}"): Entry(lambda w: Request(f"/hooks/{w.hook()}", {"a": 1}), 202, PUBLIC),
    ("GET", "/health"): Entry(lambda w: Request("/health"), 200, PUBLIC),
}
