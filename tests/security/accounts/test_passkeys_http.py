"""Passkeys over HTTP: for the host that the browser shows, and a session like any other."""

import pytest

from accounts import PASSWORD, Accounts
from authenticator import Authenticator


@pytest.fixture
def bob(web):
    return Accounts(web.db, web.clock).new("bob")


def options_of(web, **more):
    return web.ask("POST", "/api/v1/session/passkey/options", **more)


def add(web, bob, device, headers=None):
    answer = web.ask(
        "POST", "/api/v1/account/passkeys/options", {"password": PASSWORD}, cookie=bob.cookie, headers=headers
    )
    made = {"name": "laptop", "credential": device.create(answer.json()["options"])}
    return web.ask("POST", "/api/v1/account/passkeys", made, cookie=bob.cookie, headers=headers)


def test_from_adding_to_signing_in(web, bob):
    device = Authenticator()
    assert add(web, bob, device).status == 201
    answer = web.ask("POST", "/api/v1/session/passkey", {"credential": device.get(options_of(web).json()["options"])})
    assert answer.status == 201
    assert answer.json()["admin"]["name"] == "bob"
    assert web.ask("GET", "/api/v1/account", cookie=answer.cookie).json()["passkeys"][0]["name"] == "laptop"


def test_the_page_may_be_on_tls_that_a_proxy_ends(web, bob):
    headers = {"host": "nightdrop.example", "origin": "https://nightdrop.example"}
    device = Authenticator(origin="https://nightdrop.example", rp_id="nightdrop.example")
    assert add(web, bob, device, headers).status == 201
    answer = {"credential": device.get(options_of(web, headers=headers).json()["options"])}
    assert web.ask("POST", "/api/v1/session/passkey", answer, headers=headers).status == 201
    # What was made for one host is worth nothing on another one.
    answer = {"credential": device.get(options_of(web).json()["options"])}
    assert web.ask("POST", "/api/v1/session/passkey", answer).code == "passkey_invalid"


@pytest.mark.parametrize("host", ["127.0.0.1:8420", "[::1]:8420"])
def test_an_address_has_no_passkeys(web, host):
    answer = options_of(web, headers={"host": host})
    assert (answer.status, answer.code) == (422, "passkey_host")
    assert "localhost" in answer.json()["hint"]


def test_an_unknown_passkey_is_401(web, bob):
    answer = {"credential": Authenticator().get(options_of(web).json()["options"])}
    refused = web.ask("POST", "/api/v1/session/passkey", answer)
    assert (refused.status, refused.code) == (401, "passkey_refused")


def test_without_the_extra_the_routes_say_so(web, bob, monkeypatch):
    from nightdrop.access import passkey_port
    from nightdrop.api.routes import session

    for module in (passkey_port, session):
        monkeypatch.setattr(module, "passkeys_available", lambda: False)
    assert web.ask("GET", "/api/v1/session").json()["passkeys"] is False
    assert (options_of(web).status, options_of(web).code) == (503, "passkeys_missing")
