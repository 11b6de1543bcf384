"""From the printed link to a stored secret, as a new user does it; then signing in."""

import hashlib
import time
from contextlib import closing

import pytest
from playwright.sync_api import Browser, expect

from real_browser import PASSWORD, PHONE, Hosted, tab
from support import Installation


def test_the_link_leads_to_a_stored_secret(server: Installation, browser: Browser) -> None:
    assert server.started is not None
    link = server.started["setup_link"]
    base, _, token = link.partition("/setup#")
    with tab(browser, base, size=PHONE, scheme="dark") as opened:
        page = opened.go(f"/setup#{token}")
        opened.heading("Make the first account").wait_for()
        assert opened.violations() == []
        assert token not in page.url
        opened.label("Name").fill("Anna")
        page.get_by_role("textbox", name="Password").fill(PASSWORD)
        page.get_by_role("textbox", name="The same again").fill(PASSWORD)
        opened.button("Set up").click()
        opened.heading("Overview").wait_for()
        assert opened.violations() == []
        page.get_by_role("region", name="First steps").get_by_role("link", name="Secrets").click()
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


def test_too_many_attempts_say_when_to_try_again(hosted: Hosted, browser: Browser, site: str) -> None:
    name = f"nobody-{site}"
    with tab(browser, hosted.base) as opened:
        opened.expected = {401, 429}
        page = opened.go("/sign-in")
        opened.sign_in(name, "a first guess")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("Name or password is wrong.")
        # As after many more of them, without the waiting in between.
        subject = "account:" + hashlib.sha256(name.encode()).hexdigest()
        with closing(hosted.database()) as database, database:
            until_ms = int(1000 * time.time()) + 600_000
            changed = database.execute(
                "UPDATE sign_in_throttle SET failures = 15, until_ms = ? WHERE subject = ?", (until_ms, subject)
            )
            assert changed.rowcount == 1
        # Neither case nor spaces make another account of it.
        for spelt in (name, f" {name.upper()} "):
            opened.sign_in(spelt, PASSWORD)
            expect(alert).to_contain_text("Try again in 10 minutes.")
        assert opened.violations() == []
        assert opened.label("Name").input_value() == f" {name.upper()} "
