"""Passkeys, with the authenticator that Chromium plays itself (https://www.w3.org/TR/webauthn-3/#sctn-automation)."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from real_browser import PASSWORD, Hosted, Tab, tab

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def guest(hosted: Hosted, site: str) -> str:
    return f"{site}-keyholder"


@pytest.fixture
def by_name(hosted: Hosted, browser: Browser, site: str, guest: str) -> Iterator[Tab]:
    """A page of an admin under a name: browsers make no passkey for an address."""
    cookies: list[Any] = [{**one, "domain": "localhost"} for one in hosted.enter(guest, {site: ["secrets:view"]})]
    with tab(browser, hosted.base.replace("127.0.0.1", "localhost"), cookies) as opened:
        session = opened.page.context.new_cdp_session(opened.page)
        session.send("WebAuthn.enable")
        session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        yield opened


def sign_out(opened: Tab) -> None:
    opened.page.get_by_role("button", name="You:").click()
    opened.page.get_by_role("menuitem", name="Sign out").click()
    opened.heading("Sign in").wait_for()


def test_a_passkey_is_added_signs_in_and_is_removed(by_name: Tab, guest: str) -> None:
    page = by_name.go("/account")
    by_name.expected = {401, 403, 422}
    by_name.button("Add a passkey").click()
    dialog = by_name.dialog("Add a passkey")
    dialog.get_by_label("Name").fill("blue key")
    password = dialog.get_by_role("textbox", name="Password")
    password.fill("not the password at all")
    by_name.button("Continue").click()
    expect(password).to_have_attribute("aria-invalid", "true")
    assert by_name.violations() == []
    password.fill(PASSWORD)
    by_name.button("Continue").click()
    page.get_by_text("Added blue key.").wait_for()
    entry = page.get_by_role("listitem").filter(has_text="blue key")
    expect(entry).to_contain_text("never used")
    assert by_name.violations() == []

    sign_out(by_name)
    assert by_name.violations() == []
    by_name.button("Sign in with a passkey").click()
    page.get_by_role("button", name=f"You: {guest}").wait_for()
    by_name.go("/account")
    expect(entry).to_contain_text("used just now")

    by_name.button("Remove blue key").click()
    by_name.button("Remove").click()
    page.get_by_text("Removed blue key.").wait_for()
    expect(entry).to_have_count(0)
    sign_out(by_name)
    by_name.button("Sign in with a passkey").click()
    page.get_by_role("alert").wait_for()
    by_name.heading("Sign in").wait_for()


def test_an_address_offers_no_passkeys_and_says_why(opened: Tab) -> None:
    page = opened.go("/account")
    expect(page.get_by_role("region", name="Passkeys")).to_contain_text("They cannot be used here")
    assert opened.button("Add a passkey").count() == 0
