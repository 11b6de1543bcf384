"""Credentials over HTTP: one pipeline, no request of another site, no cookie that somebody planted."""

import pytest

from accounts import PASSWORD, Accounts
from nightdrop.api.routes import session as session_routes
from vault import OWNER
from web import HOST

SAME = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def accounts(web):
    return Accounts(web.db, web.clock)


@pytest.fixture
def site(web):
    return web.new_site("here")


@pytest.fixture
def bob(web, accounts, site):
    return accounts.new("bob", {site: ["secrets:view", "secrets:edit"]})


@pytest.fixture
def token(accounts, bob, site):
    return accounts.tokens.create(bob.caller, "ci", [site], ["secrets:view", "secrets:edit"]).token


def sign_in(web, name="bob", password=PASSWORD, **more):
    return web.ask("POST", "/api/v1/session", {"name": name, "password": password}, **more)


def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_do_not_get(web, bob):
    answer = sign_in(web)
    assert answer.status == 201
    name, *rest = [part.strip().lower() for part in answer.header("set-cookie").split(";")]
    assert name.startswith("nd_session=")
    assert set(rest) == {"httponly", "path=/", "samesite=strict", "max-age=604800"}
    assert answer.cookie not in answer.body.decode()
    assert answer.header("cache-control") == "no-store"
    shown = web.ask("GET", "/api/v1/session", cookie=answer.cookie).json()
    assert (shown["kind"], shown["admin"]["name"], shown["admin"]["super"]) == ("session", "bob", False)
    assert [(each["name"], each["permissions"]) for each in shown["sites"]] == [
        ("here", ["secrets:view", "secrets:edit"])
    ]


def test_over_tls_the_cookie_is_bound_to_the_host(web, bob):
    answer = sign_in(web, scheme="https")
    header = answer.header("set-cookie")
    assert header.startswith("__Host-nd_session=")
    assert "secure" in header.lower()
    assert "domain" not in header.lower()
    assert web.ask("GET", "/api/v1/account", cookie=answer.cookie, scheme="https").status == 200
    # Under the other name it could have been set by somebody between.
    planted = {"cookie": f"nd_session={answer.cookie}"}
    assert web.ask("GET", "/api/v1/account", headers=planted, scheme="https").status == 401


def test_signing_out_ends_the_session_and_clears_the_cookie(web, bob):
    cookie = sign_in(web).cookie
    answer = web.ask("DELETE", "/api/v1/session", cookie=cookie)
    assert answer.status == 204
    assert 'nd_session=""' in answer.header("set-cookie")
    assert web.ask("GET", "/api/v1/account", cookie=cookie).status == 401


def test_34_a_planted_session_is_not_the_one_after_signing_in(web, accounts, bob):
    eve = accounts.new("eve")
    answer = sign_in(web, cookie=eve.cookie)
    assert answer.status == 201
    assert answer.cookie != eve.cookie
    assert web.ask("GET", "/api/v1/account", cookie=eve.cookie).status == 401
    made_up = "a" * 43
    assert sign_in(web, cookie=made_up).cookie != made_up


def test_two_cookies_of_the_name_are_none(web, bob, accounts):
    eve = accounts.new("eve")
    for value in (f"nd_session={eve.cookie}; nd_session={bob.cookie}", f"x=1; nd_session={bob.cookie};nd_session="):
        assert web.ask("GET", "/api/v1/account", headers={"cookie": value}).status == 401
    two = [("cookie", f"nd_session={bob.cookie}"), ("cookie", f"nd_session={eve.cookie}")]
    assert web.ask("GET", "/api/v1/account", more=two).status == 401
    assert web.ask("GET", "/api/v1/account", headers={"cookie": f"a=b; nd_session={bob.cookie} ; c"}).status == 200


@pytest.mark.parametrize("path", ["/api/v1/sites", "/api/v1/session", "/health"])
def test_two_credentials_are_refused_wherever_they_go(web, bob, token, path):
    answer = web.ask("GET", path, cookie=bob.cookie, token=token)
    assert (answer.status, answer.code) == (400, "both_credentials")
    answer = web.ask("GET", path, token=token, more=[("authorization", f"Bearer {token}")])
    assert (answer.status, answer.code) == (400, "both_credentials")
    # Not even when one of them is worthless.
    answer = web.ask("GET", path, cookie="x", token=token)
    assert (answer.status, answer.code) == (400, "both_credentials")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_is_sent_as_bearer(web, token, scheme):
    headers = {"authorization": f"{scheme} {token}", "sec-fetch-site": None}
    assert web.ask("GET", "/api/v1/sites", headers=headers).status == 200


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic eDp5", "nd_x", "Bearer nd_\u00fc", "Token {token}", "{token}"]
)
def test_what_is_no_bearer_token_is_nobody(web, token, value):
    answer = web.ask("GET", "/api/v1/sites", headers={"authorization": value.format(token=token)})
    assert (answer.status, answer.code) == (401, "sign_in_required")
    assert answer.header("www-authenticate") == 'Bearer realm="nightdrop"'


@pytest.mark.parametrize("query", ["access_token", "token", "nd_session", "authorization"])
def test_a_credential_in_the_address_is_none(web, bob, token, query):
    for value in (token, bob.cookie):
        assert web.ask("GET", f"/api/v1/sites?{query}={value}").status == 401


# Another site's page (group 34)

ALIEN = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": ""},
    {"sec-fetch-site": "same-origin, cross-site"},
    {"sec-fetch-site": "cross-site", "origin": f"http://{HOST}"},
    {"sec-fetch-site": None, "origin": "http://evil.example"},
    {"sec-fetch-site": None, "origin": "null"},
    {"sec-fetch-site": None, "origin": ""},
    {"sec-fetch-site": None, "origin": f"http://{HOST}.evil.example"},
    {"sec-fetch-site": None, "origin": f"http://evil.example@{HOST}"},
    {"sec-fetch-site": None, "origin": "http://localhost"},
    {"sec-fetch-site": None, "origin": "http://localhost:9"},
]


@pytest.mark.parametrize("headers", ALIEN, ids=str)
def test_34_another_sites_page_does_nothing_with_the_cookie(web, bob, site, headers):
    for method, path, body in [
        ("POST", f"/api/v1/sites/{site}/secrets", {"name": "a", "value": "v"}),
        ("PATCH", f"/api/v1/sites/{site}", {"settings": {}}),
        ("PUT", "/api/v1/account/password", {"current": PASSWORD, "new": "another horse and its battery"}),
        ("DELETE", "/api/v1/session", None),
        ("POST", "/api/v1/session", {"name": "bob", "password": PASSWORD}),
        ("PURGE", "/api/v1/sites", None),
    ]:
        answer = web.ask(method, path, body, cookie=bob.cookie, headers=headers)
        assert (answer.status, answer.code) == (403, "csrf")
    assert web.ask("GET", f"/api/v1/sites/{site}/secrets", cookie=bob.cookie).json()["items"] == []
    assert web.ask("GET", "/api/v1/account", cookie=bob.cookie).status == 200


@pytest.mark.parametrize("headers", ALIEN, ids=str)
def test_34_another_sites_page_signs_nobody_in(web, bob, headers):
    answer = sign_in(web, headers=headers)
    assert (answer.status, answer.code) == (403, "csrf")
    assert answer.header("set-cookie") is None


@pytest.mark.parametrize(
    "headers",
    [SAME, {"sec-fetch-site": None, "origin": f"http://{HOST}"}, {"sec-fetch-site": None, "origin": f"https://{HOST}"}],
)
def test_ones_own_page_does(web, bob, site, headers):
    path = f"/api/v1/sites/{site}/secrets"
    assert web.ask("POST", path, {"name": "a", "value": "v"}, cookie=bob.cookie, headers=headers).status == 201


def test_a_cookie_alone_changes_nothing_but_a_program_without_one_may(web, bob, token, site):
    path, nothing = f"/api/v1/sites/{site}/secrets", {"sec-fetch-site": None}
    assert web.ask("POST", path, {"name": "a", "value": "v"}, cookie=bob.cookie, headers=nothing).code == "csrf"
    assert web.ask("POST", path, {"name": "a", "value": "v"}, token=token, headers=nothing).status == 201
    assert sign_in(web, headers=nothing).status == 201


@pytest.mark.parametrize("header", ["x-http-method-override", "x-method-override", "x-http-method"])
def test_34_a_method_is_what_the_request_line_says(web, bob, site, header):
    alien = {"sec-fetch-site": "cross-site", header: "DELETE"}
    answer = web.ask("GET", f"/api/v1/sites/{site}", cookie=bob.cookie, headers=alien)
    assert answer.status == 200
    assert web.ask("GET", f"/api/v1/sites/{site}?_method=DELETE", cookie=bob.cookie).status in {200, 422}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_34_a_body_of_another_type_signs_nobody_in(web, bob, kind):
    """What a form of another page can send without asking."""
    answer = web.ask("POST", "/api/v1/session", {"name": "bob", "password": PASSWORD}, headers={"content-type": kind})
    assert answer.status == 422
    assert answer.header("set-cookie") is None


# Sign-in over HTTP


def test_34_refusals_are_the_same_and_slowed_down(web, bob):
    answers = [sign_in(web, name, "wrong") for name in ("bob", "nobody", "BOB ", "bob", "bob", "bob", "bob")]
    assert [answer.status for answer in answers] == [401, 401, 401, 401, 401, 401, 429]
    assert len({answer.body for answer in answers[:-1]}) == 1
    assert answers[-1].code == "throttled"
    assert answers[-1].header("retry-after") == "1"
    assert sign_in(web, "\tBOB").status == 429
    web.clock.advance(1000)
    assert sign_in(web).status == 201


def test_the_second_factor_over_http(web, accounts, bob):
    _, codes = accounts.with_totp(bob.caller)
    answer = sign_in(web)
    assert (answer.status, answer.code, answer.json()["field"]) == (401, "totp_needed", "totp")
    assert answer.header("set-cookie") is None
    body = {"name": "bob", "password": PASSWORD}
    answer = web.ask("POST", "/api/v1/session", {**body, "totp": "000000"})
    assert (answer.status, answer.code) == (401, "totp_wrong")
    assert web.ask("POST", "/api/v1/session", {**body, "recovery_code": codes[0]}).status == 201
    assert web.ask("POST", "/api/v1/session", {**body, "recovery_code": codes[0]}).status == 401


def test_a_forwarded_address_is_not_believed(web, bob):
    for number in range(20):
        headers = {"x-forwarded-for": f"198.51.100.{number}", "forwarded": f"for=198.51.100.{number}"}
        sign_in(web, f"name-{number}", "wrong", headers=headers)
    assert sign_in(web, headers={"x-forwarded-for": "203.0.113.1"}).status == 429


def test_hashes_are_bounded_and_their_waiters_too(web, bob, monkeypatch):
    """More sign-ins than cores wait without a thread, and more than a bound are turned away at once."""
    import asyncio
    import threading

    access = web.services.access
    running, most, go = [0], [0], threading.Event()

    def hash_slowly():
        running[0] += 1
        most[0] = max(most[0], running[0])
        go.wait(10)
        running[0] -= 1

    async def flood():
        from nightdrop.api.access import _MAX_WAITING, SignInBusyError

        limit = int(access._hashing.total_tokens)
        tasks = [asyncio.create_task(access.hashing(hash_slowly)) for _ in range(limit + _MAX_WAITING)]
        while access._hashing.statistics().tasks_waiting < _MAX_WAITING or running[0] < limit:  # noqa: ASYNC110
            await asyncio.sleep(0)
        with pytest.raises(SignInBusyError) as caught:
            await access.hashing(hash_slowly)
        assert caught.value.retry_after_s
        go.set()
        await asyncio.gather(*tasks)
        return limit

    assert asyncio.run(flood()) == most[0]


def test_every_hash_is_computed_in_that_lane():
    """A route that hashes outside of it would let sign-ins eat every thread."""
    import inspect

    from nightdrop.api.routes import account, passkeys

    for function in (
        session_routes.sign_in,
        session_routes.set_up,
        account.change_password,
        account.end_totp,
        passkeys.begin_passkey,
    ):
        assert "access.hashing(" in inspect.getsource(function)


def test_setting_up_over_http(web):
    link = web.ask("POST", "/api/v1/setup/link", listener="socket").json()
    assert link["path"] == f"/setup#{link['token']}"
    assert web.ask("GET", "/api/v1/session").json()["setup_needed"] is True
    asked = web.ask("POST", "/api/v1/setup/invitation", {"token": link["token"]})
    assert asked.json() == {"name": None, "expires_ms": link["expires_ms"]}
    answer = web.ask("POST", "/api/v1/setup", {"token": link["token"], "name": "Ann", "password": "short"})
    assert (answer.status, answer.code, answer.json()["field"]) == (422, "password_too_short", "password")
    answer = web.ask("POST", "/api/v1/setup", {"token": link["token"], "name": "Ann", "password": PASSWORD})
    assert answer.status == 201
    shown = answer.json()
    assert (shown["admin"]["name"], shown["admin"]["super"], shown["setup_needed"]) == ("ann", True, False)
    assert web.ask("POST", "/api/v1/setup", {"token": link["token"], "name": "b", "password": PASSWORD}).status == 403


def test_inviting_over_http(web, accounts, site):
    boss = accounts.new("boss", is_super=True)
    made = web.ask("POST", "/api/v1/admins", {"name": "Bob", "grants": {site: ["secrets:view"]}}, cookie=boss.cookie)
    link = made.json()["setup_link"]["token"]
    assert web.ask("POST", "/api/v1/setup/invitation", {"token": link}).json()["name"] == "bob"
    answer = web.ask("POST", "/api/v1/setup", {"token": link, "name": "bob", "password": PASSWORD})
    assert answer.json()["sites"][0]["permissions"] == ["secrets:view"]
    shown = web.ask("GET", "/api/v1/admins/bob", cookie=boss.cookie).json()
    assert shown["set_up"] is True
    assert "setup_link" not in shown
    assert OWNER.kind == "host"
