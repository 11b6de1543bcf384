"""Runs as they go, and those that have been."""

import json

import pytest
from playwright.sync_api import expect

from real_browser import Hosted, Tab

from .conftest import signed_in

MANY = 20_000


@pytest.fixture
def runs(opened: Tab, site: str) -> Tab:
    """The Runs page of a fresh site."""
    opened.go(f"/sites/{site}/runs")
    opened.heading("Runs").wait_for()
    return opened


def open_new(opened: Tab, hosted: Hosted, site: str, code: str) -> None:
    made = hosted.call("POST", f"/sites/{site}/scripts", {"name": "job", "code": code})
    opened.go(f"/sites/{site}/scripts/{made['id']}")
    opened.button("Run").wait_for()


def start(opened: Tab, params: str = "") -> None:
    opened.button("Run").click()
    if params:
        opened.label("Parameters").fill(params)
    opened.button("RUN").click()


def test_a_script_is_run_with_parameters_and_its_log_is_searched_and_saved(
    hosted: Hosted, site: str, opened: Tab
) -> None:
    open_new(opened, hosted, site, 'Log("day", Params.day); LogWarn("careful"); LogError("bad");')
    page = opened.page
    start(opened, "[1]")
    expect(opened.label("Parameters")).to_have_attribute("aria-invalid", "true")
    opened.label("Parameters").fill('{"day": "monday"}')
    opened.button("RUN").click()
    log = page.get_by_role("log", name="Log")
    expect(log).to_contain_text("day monday")
    expect(log.locator("[data-level=warn]")).to_contain_text("careful")
    expect(log.locator("[data-level=error]")).to_contain_text("bad")
    expect(page.get_by_text("Succeeded")).to_be_visible()
    opened.label("Search the log").fill("CARE")
    expect(page.get_by_text("1 of 3 lines")).to_be_visible()
    expect(log).not_to_contain_text("monday")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    saved = download.value.path().read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in saved] == ["info day monday", "warn careful", "error bad"]
    # The dialog remembers what was given last.
    opened.button("Run").click()
    expect(opened.label("Parameters")).to_have_value('{"day": "monday"}')


def test_a_blocked_run_is_cancelled(hosted: Hosted, site: str, opened: Tab) -> None:
    open_new(opened, hosted, site, 'Log("waits"); Sleep(600000);')
    start(opened)
    expect(opened.page.get_by_role("log", name="Log")).to_contain_text("waits")
    opened.button("Cancel").click()
    expect(opened.page.get_by_text("Cancelled", exact=True)).to_be_visible()


def test_thousands_of_lines_each_once_and_the_page_stays_quick(hosted: Hosted, site: str, opened: Tab) -> None:
    code = f'for (var i = 1; i <= {MANY}; i++) Log("number " + i);'
    hosted.call("PATCH", f"/sites/{site}", {"settings": {"log": "16MiB"}})
    open_new(opened, hosted, site, code)
    page = opened.page
    start(opened)
    expect(page.get_by_text(f"{MANY:,} lines")).to_be_visible()
    log = page.get_by_role("log", name="Log")
    expect(log).to_contain_text(f"number {MANY}")
    # However many there are, the page holds what is seen and a little around it.
    assert log.locator("[data-level]").count() < 200
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    saved = download.value.path().read_text().splitlines()
    assert [line.rpartition(" ")[2] for line in saved] == [str(number) for number in range(1, MANY + 1)]
    log.hover()
    page.mouse.wheel(0, -1000)
    expect(page.get_by_label("Follow")).not_to_be_checked()


def test_a_log_goes_on_where_its_connection_broke(hosted: Hosted, site: str, opened: Tab) -> None:
    run = hosted.call(
        "POST", f"/sites/{site}/runs", {"code": 'for (var i = 1; i < 4; i++) Log("line " + i);', "name": "x"}
    )
    hosted.call("GET", f"/runs/{run['id']}/logs")
    asked: list[str] = []

    def broken(route: object) -> None:
        request = route.request  # type: ignore[attr-defined]
        asked.append(request.url)
        first = json.dumps({"seq": 1, "at_ms": 1, "level": "info", "text": "line 1"})
        if len(asked) == 1:
            body = f"retry: 10\n\nid: 1\nevent: log\ndata: {first}\n\n"
            route.fulfill(content_type="text/event-stream", body=body)  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    opened.page.route("**/logs/stream", broken)
    opened.go(f"/sites/{site}/runs/{run['id']}")
    expect(opened.page.get_by_text("3 lines")).to_be_visible()
    expect(opened.page.get_by_role("log", name="Log").locator("[data-level] span")).to_have_text(
        ["line 1", "line 2", "line 3"]
    )
    assert len(asked) == 2


def test_runs_are_filtered_and_each_says_why(hosted: Hosted, site: str, runs: Tab) -> None:
    page = runs.page
    expect(page.get_by_role("main")).to_contain_text("Nothing has run yet.")
    hosted.add(site, "key")
    hosted.push(site, "good", 'GetSecret("key");')
    hosted.push(site, "bad", "\nnowhere();")
    for name in ("good", "bad"):
        hosted.call("POST", f"/sites/{site}/runs?wait=60", {"script": name, "params": {"n": 1}})
    page.reload()
    expect(page.get_by_role("rowheader")).to_have_count(2)
    expect(runs.row("good")).to_contain_text("key")
    expect(runs.row("bad")).to_contain_text("Line 2:1: ")
    expect(page.get_by_role("region", name="Runs over time")).to_contain_text("Succeeded: 1")
    expect(page.get_by_role("region", name="Runs over time")).to_contain_text("Failed: 1")
    page.get_by_role("combobox", name="Time").click()
    page.get_by_role("option", name="The last hour").click()
    expect(page.get_by_role("rowheader")).to_have_count(2)
    page.get_by_role("combobox", name="State").click()
    page.get_by_role("option", name="Failed").click()
    expect(page.get_by_role("rowheader")).to_have_count(1)
    assert "state=failed" in page.url
    runs.row("bad").get_by_role("link").click()
    runs.heading("bad").wait_for()
    expect(page.get_by_role("main")).to_contain_text("The script threw an error")
    expect(page.get_by_role("main")).to_contain_text('"n": 1')
    page.get_by_role("link", name="bad, version 1").click()
    page.get_by_role("textbox", name="Code of bad").wait_for()
    # Who was given a secret is known when the code no longer names it.
    hosted.call(
        "PUT",
        f"/sites/{site}/scripts/{hosted.call('GET', f'/sites/{site}/scripts?name=good')['items'][0]['id']}",
        {"code": "1"},
    )
    runs.go(f"/sites/{site}/secrets")
    runs.button("0 scripts using key").click()
    dialog = runs.dialog("Used by")
    expect(dialog.get_by_role("list", name="Read it before, but no longer name it:")).to_have_text("good")
    expect(dialog.get_by_role("list", name="Were given it:")).to_contain_text("good, ")


def test_who_may_see_runs_but_not_start_them(hosted: Hosted, site: str) -> None:
    hosted.push(site, "job", 'Log("x");')
    run = hosted.call("POST", f"/sites/{site}/runs?wait=60", {"script": "job"})
    cookies = hosted.enter("watcher", {site: ["runs:view"]})
    with signed_in(hosted) as opened:
        opened.page.context.clear_cookies()
        opened.page.context.add_cookies(cookies)
        opened.go(f"/sites/{site}/runs/{run['id']}")
        expect(opened.page.get_by_role("log", name="Log")).to_contain_text("x")
        expect(opened.page.get_by_role("main")).to_contain_text("job, version 1")
        assert opened.page.get_by_role("link", name="job, version 1").count() == 0
