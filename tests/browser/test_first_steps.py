"""From the printed link to a stored secret, as a new user does it; then signing in."""

import pytest
from playwright.sync_api import Browser, expect

from real_browser import PASSWORD, PHONE, WIDE, Hosted, tab
from support import Installation


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
def test_the_link_leads_to_a_stored_secret(server: Installation, browser: Browser, size, scheme) -> None:
    assert server.started is not None
    link = server.started["setup_link"]
    base, _, token = link.partition("/setup#")
    with tab(browser, base, size=size, scheme=scheme) as opened:
        page = opened.go(f"/setup#{token}")
        opened.heading("Make the first account").wait_for()
        assert opened.violations() == []
        assert token not in page.url
        opened.label("Name").fill("Anna")
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("textbox", name="The same again").fill(PASSWORD)
        opened.button("Set up").click()
        opened.heading("No secrets yet").wait_for()
        assert opened.violations() == []
        opened.add_secret("api-key", "sk-needle-1")
        expect(opened.row("api-key")).to_be_visible()
        assert token not in opened.page.evaluate(
            "JSON.stringify([{...localStorage}, {...sessionStorage}, history.state])"
        )
    assert server.exec_js('Log(GetSecret("api-key") == "sk-needle-1");').out.strip().endswith("true")


def test_signing_in_goes_back_to_where_one_was_sent_from(hosted: Hosted, browser: Browser, site: str) -> None:
    with tab(browser, hosted.base) as opened:
        page = opened.go(f"/sites/{site}/secrets")
        opened.heading("Sign in").wait_for()
        opened.sign_in("ANNA")
        opened.heading("Secrets").wait_for()
        assert page.url == f"{hosted.base}/sites/{site}/secrets"
        cookie = next(one for one in page.context.cookies() if one["name"] == "nd_session")
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


@pytest.mark.parametrize("name", ["anna", "nobody-of-this-name"])
def test_a_wrong_password_and_an_unknown_name_say_the_same(hosted: Hosted, browser: Browser, name: str) -> None:
    with tab(browser, hosted.base) as opened:
        opened.expected = {401}
        opened.go("/sign-in")
        opened.sign_in(name, "not the password at all")
        expect(opened.page.get_by_role("alert")).to_contain_text("Name or password is wrong.")
        assert opened.violations() == []
