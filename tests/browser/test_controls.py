"""Controls: what these tests rely on to notice a wrong does notice it."""

import pytest
from playwright.sync_api import Browser

from real_browser import Hosted, tab

WRONGS = {
    "inline script": "document.body.append(Object.assign(document.createElement('script'), {textContent: '1'}))",
    "inline style": "document.body.setAttribute('style', 'color: red')",
    "error in the console": "console.error('wrong')",
    "another host": "fetch('http://elsewhere.test/').catch(() => undefined)",
}


@pytest.mark.parametrize("wrong", list(WRONGS))
def test_a_wrong_fails_the_test(hosted: Hosted, browser: Browser, wrong: str) -> None:
    with pytest.raises(AssertionError, match=r"console|elsewhere"), tab(browser, hosted.base) as opened:
        page = opened.go("/sign-in")
        opened.heading("Sign in").wait_for()
        with page.expect_console_message():
            page.evaluate(WRONGS[wrong])


def test_axe_finds_what_is_wrong(hosted: Hosted, browser: Browser) -> None:
    with tab(browser, hosted.base) as opened:
        page = opened.go("/sign-in")
        opened.heading("Sign in").wait_for()
        page.evaluate("document.querySelector('form').append(document.createElement('input'))")
        assert any(found.startswith("label:") for found in opened.violations())
