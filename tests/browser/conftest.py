"""One browser and one server for each worker's share of these tests."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from playwright.sync_api import Browser

from real_browser import ELSEWHERE, Hosted, Tab, chromium, tab
from support import Installation


# For the package, not the session: while Playwright runs, no other test of this thread can have an event loop.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def hosted(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    # The name by which a page is reached that is no secure context.
    environment = {"NIGHTDROP_HOSTS": ELSEWHERE}
    made = Installation(tmp_path_factory.mktemp("hosted"), environment)
    made.copy_new_home()
    made.start()
    yield Hosted.set_up(made, browser)
    made.stop()


@pytest.fixture
def site(hosted: Hosted) -> str:
    return hosted.new_site()


@pytest.fixture
def opened(hosted: Hosted) -> Iterator[Tab]:
    """A wide page of the first admin, who is signed in."""
    with tab(hosted.browser, hosted.base, hosted.cookies) as made:
        yield made


@pytest.fixture
def secrets(opened: Tab, site: str) -> Tab:
    """The Secrets page of a fresh site."""
    opened.go(f"/sites/{site}/secrets")
    opened.heading("Secrets").wait_for()
    return opened


def signed_in(hosted: Hosted, **how: Any) -> AbstractContextManager[Tab]:
    return tab(hosted.browser, hosted.base, hosted.cookies, **how)
