"""Set-up by invitation, two factors, sessions, tokens, sites and admins."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from real_browser import PASSWORD, Hosted, Tab, code_for, tab


@pytest.fixture
def guest(hosted: Hosted, site: str) -> str:
    """The name of an admin who may only look at the secrets of one site."""
    return f"guest-{hosted.sites}"


@pytest.fixture
def invited(hosted: Hosted, browser: Browser, site: str, guest: str) -> Iterator[Tab]:
    """A page of that admin."""
    with tab(browser, hosted.base, hosted.enter(guest, {site: ["secrets:view"]})) as opened:
        yield opened


def test_an_invitation_leads_to_an_account(hosted: Hosted, browser: Browser, site: str, guest: str) -> None:
    path = hosted.invite(guest, {site: ["secrets:view"]})
    with tab(browser, hosted.base) as opened:
        opened.expected = {422}
        page = opened.go(path)
        opened.heading("Set up your account").wait_for()
        name = opened.label("Name")
        assert (name.input_value(), name.is_editable()) == (guest, False)
        password, again = (page.get_by_role("textbox", name=label) for label in ("Password", "The same again"))
        password.fill(PASSWORD)
        again.fill("correct horse battery stable")
        opened.button("Set up").click()
        expect(page.get_by_text("This is not the same password.")).to_be_visible()
        for field in (password, again):
            field.fill("password1234")
        opened.button("Set up").click()
        expect(password).to_have_attribute("aria-invalid", "true")
        for field in (password, again):
            field.fill(PASSWORD)
        opened.button("Set up").click()
        opened.heading("Secrets").wait_for()
        assert page.url == f"{hosted.base}/sites/{site}/secrets"


def test_who_may_only_look_gets_no_buttons(hosted: Hosted, site: str, invited: Tab) -> None:
    hosted.add(site, "api-key")
    page = invited.go(f"/sites/{site}/secrets")
    invited.row("api-key").wait_for()
    for name in ("Add Secret", "Import", "Update value: api-key", "Edit details: api-key", "Delete: api-key"):
        assert invited.button(name).count() == 0
    page.keyboard.press("n")
    assert page.get_by_role("dialog").count() == 0
    assert page.get_by_role("link", name="Admins").count() == 0
    invited.go("/sites/default/secrets")
    invited.heading("There is no such site").wait_for()


def test_two_factors_and_a_recovery_code(hosted: Hosted, guest: str, invited: Tab, browser: Browser) -> None:
    page = invited.go("/account")
    invited.button("Set up").click()
    dialog = invited.dialog("Set up the authenticator app")
    expect(dialog.get_by_role("img", name="QR code")).to_be_visible()
    secret = dialog.locator("code").inner_text()
    dialog.get_by_role("textbox").fill(code_for(secret))
    invited.button("Switch on").click()
    dialog.get_by_role("button", name="I have kept them").wait_for()
    codes = dialog.locator("code").inner_text().split()
    assert invited.violations() == []
    invited.button("I have kept them").click()
    expect(page.get_by_text(f"{len(codes)} recovery codes are left.")).to_be_visible()
    with tab(browser, hosted.base) as other:
        other.expected = {401}
        other.go("/sign-in")
        other.sign_in(guest)
        code = other.label("Code of your authenticator app")
        expect(code).to_be_focused()
        code.fill("000000")
        other.button("Sign in").click()
        expect(code).to_have_attribute("aria-invalid", "true")
        assert other.violations() == []
        other.button("Use a recovery code instead").click()
        other.label("Recovery code").fill(codes[0])
        other.button("Sign in").click()
        other.heading("Secrets").wait_for()


def test_sessions_are_listed_and_ended(hosted: Hosted, guest: str, invited: Tab, browser: Browser) -> None:
    with tab(browser, hosted.base) as other:
        other.expected = {401}
        other.go("/sign-in")
        other.sign_in(guest)
        other.heading("Secrets").wait_for()
        page = invited.go("/account")
        expect(page.get_by_text("This session")).to_have_count(1)
        page.get_by_role("button", name="End the session of").click()
        expect(page.get_by_role("button", name="End the session of")).to_have_count(0)
        other.page.reload()
        other.heading("Sign in").wait_for()


def test_signing_out_leaves_nothing(invited: Tab) -> None:
    page = invited.go("/account")
    page.get_by_role("button", name="You: guest").click()
    page.get_by_role("menuitem", name="Sign out").click()
    invited.heading("Sign in").wait_for()
    assert [one for one in page.context.cookies() if one["name"].endswith("nd_session")] == []
    page.go_back()
    invited.heading("Sign in").wait_for()


def test_the_password_is_changed(hosted: Hosted, guest: str, invited: Tab, browser: Browser) -> None:
    page = invited.go("/account")
    invited.button("Change password").click()
    page.get_by_role("textbox", name="Current password").fill(PASSWORD)
    page.get_by_role("textbox", name="New password").fill("too short")
    invited.button("Change password").click()
    expect(page.get_by_text("A password needs at least 12 characters.")).to_be_visible()
    page.get_by_role("textbox", name="New password").fill("another horse and its battery")
    page.get_by_role("textbox", name="The same again").fill("another horse and its battery")
    assert invited.violations() == []
    invited.button("Change password").click()
    expect(page.get_by_text("Password changed.")).to_be_visible()
    with tab(browser, hosted.base) as other:
        other.go("/sign-in")
        other.sign_in(guest, "another horse and its battery")
        other.heading("Secrets").wait_for()


def test_a_token_is_shown_once(invited: Tab) -> None:
    page = invited.go("/account")
    invited.button("New token").click()
    dialog = invited.dialog("New token")
    dialog.get_by_label("Name").fill("ci")
    assert not dialog.get_by_role("checkbox", name="secrets:edit").is_enabled()
    dialog.get_by_role("checkbox", name="secrets:view").check()
    invited.button("Make token").click()
    token = dialog.locator("code").inner_text()
    assert token.startswith("nd_")
    assert invited.violations() == []
    invited.button("I have copied it").click()
    expect(page.get_by_text("secrets:view", exact=False)).to_be_visible()
    assert token not in page.content()
    invited.button("Revoke ci").click()
    invited.button("Revoke").click()
    expect(page.get_by_text("A token lets a program use the API")).to_be_visible()
