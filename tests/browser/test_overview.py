"""The first page of a site, and all of its triggers."""

from typing import Any

import pytest
from playwright.sync_api import expect

from real_browser import Hosted, Tab
from support import wait_until

CRON = {"kind": "schedule", "cron": "30 4 * * *", "zone": "Europe/Berlin"}


def add_script(hosted: Hosted, site: str, name: str, code: str = 'Log("ran");') -> str:
    return str(hosted.call("POST", f"/sites/{site}/scripts", {"name": name, "code": code})["id"])


def add_trigger(hosted: Hosted, site: str, script: str, settings: dict[str, Any], **more: Any) -> None:
    hosted.call("POST", f"/sites/{site}/triggers", {"script": script, "settings": settings, **more})


@pytest.fixture
def busy(hosted: Hosted, site: str) -> str:
    """A site whose scripts have triggers and runs."""
    add_script(hosted, site, "backup")
    add_script(hosted, site, "report", 'throw new Error("no paper")')
    add_trigger(hosted, site, "backup", CRON, name="nightly")
    add_trigger(hosted, site, "report", CRON | {"cron": "0 5 * * 1"})
    add_trigger(hosted, site, "report", CRON | {"cron": "0 0 1 1 *"}, name="off", enabled=False)
    add_trigger(hosted, site, "report", {"kind": "folder", "path": "nowhere", "every_s": 0.2}, name="paper")
    for script in ("backup", "report"):
        run = hosted.call("POST", f"/sites/{site}/runs", {"script": script})["id"]
        wait_until(lambda: hosted.call("GET", f"/runs/{run}")["ended_ms"], "the run's end")  # noqa: B023 - called at once
    return site


def test_a_new_site_shows_the_first_steps(opened: Tab, site: str) -> None:
    page = opened.go(f"/sites/{site}")
    opened.heading("Overview").wait_for()
    steps = page.get_by_role("region", name="First steps").get_by_role("listitem")
    expect(steps).to_have_count(3)
    for number, part in enumerate(("Secrets", "Scripts", "Triggers")):
        steps.nth(number).get_by_role("link", name=part).click()
        opened.heading(part).wait_for()
        page.go_back()
    expect(page.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")


def test_the_first_page_shows_how_runs_went_and_what_comes_next(opened: Tab, busy: str) -> None:
    page = opened.page
    opened.go("/")
    opened.heading("Overview").wait_for()
    opened.go(f"/sites/{busy}")
    chart = page.get_by_role("region", name="Runs over time")
    expect(chart).to_contain_text("Succeeded: 1")
    expect(chart).to_contain_text("Failed: 1")
    newest = page.get_by_role("table", name=f"Runs of {busy}").get_by_role("row")
    expect(newest).to_have_count(3)
    expect(newest.nth(1)).to_contain_text("no paper")
    coming = page.get_by_role("region", name="Next runs").get_by_role("listitem")
    expect(coming).to_have_count(2)
    expect(coming.first).to_contain_text("Europe/Berlin")
    trouble = page.get_by_role("region", name="Triggers in trouble").get_by_role("listitem")
    expect(trouble).to_contain_text("The folder cannot be read: no such file or directory.")
    assert opened.violations() == []
    trouble.get_by_role("link", name="report").click()
    opened.heading("report").wait_for()
    page.go_back()
    page.get_by_role("link", name="All triggers").first.click()
    opened.heading("Triggers").wait_for()


def test_all_triggers_of_a_site(hosted: Hosted, opened: Tab, busy: str) -> None:
    page = opened.go(f"/sites/{busy}/triggers")
    rows = page.get_by_role("listitem")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("backup: 30 4 * * *, Europe/Berlin")
    assert opened.violations() == []
    opened.choose("Kinds shown", "Watched folder")
    expect(rows).to_have_count(1)
    opened.choose("Kinds shown", "Webhook")
    expect(page.get_by_text("No trigger is of this kind.")).to_be_visible()
    page.reload()

    page.get_by_role("switch", name="On: nightly").press("Space")
    expect(page.get_by_role("switch", name="On: nightly")).not_to_be_checked()
    opened.button("Edit: nightly").click()
    opened.label("Name").fill("at dawn")
    opened.button("SAVE").click()
    expect(rows.first).to_contain_text("at dawn")
    opened.button("Delete: off").click()
    opened.button("DELETE").click()
    expect(rows).to_have_count(3)
    triggers = hosted.call("GET", f"/sites/{busy}/triggers")["items"]
    assert {one["name"]: one["enabled"] for one in triggers} == {"at dawn": False, "": True, "paper": True}


def test_a_trigger_is_added_for_a_script_that_is_searched(hosted: Hosted, opened: Tab, busy: str) -> None:
    page = opened.go(f"/sites/{busy}/triggers")
    opened.button("Add trigger").click()
    opened.button("SAVE").click()
    expect(page.get_by_text("Choose the script that it starts.")).to_be_visible()
    script = page.get_by_role("combobox", name="Script")
    script.fill("nothing like it")
    expect(page.get_by_text("No script is called so.")).to_be_visible()
    script.fill("back")
    page.get_by_role("option", name="backup").click()
    opened.choose("Kind", "Webhook")
    opened.label("Name").fill("asked")
    assert opened.violations() == []
    opened.button("SAVE").click()
    expect(page.get_by_text("/hooks/")).to_be_visible()
    [made] = [one for one in hosted.call("GET", f"/sites/{busy}/triggers")["items"] if one["name"] == "asked"]
    assert (made["kind"], made["script_name"]) == ("webhook", "backup")
