"""What starts scripts by itself, from the page of a script."""

from typing import Any

import pytest
from playwright.sync_api import expect

from real_browser import Hosted, Tab


@pytest.fixture
def triggers(hosted: Hosted, site: str, opened: Tab) -> Tab:
    """The triggers of the script "job" of a fresh site."""
    made = hosted.call("POST", f"/sites/{site}/scripts", {"name": "job", "code": 'Log("ran", Params.day);'})
    opened.go(f"/sites/{site}/scripts/{made['id']}")
    opened.page.get_by_role("tab", name="Triggers").click()
    opened.button("Add trigger").wait_for()
    return opened


def stored(hosted: Hosted, site: str) -> list[dict[str, Any]]:
    return list(hosted.call("GET", f"/sites/{site}/triggers")["items"])


def test_a_schedule_shows_its_times_as_it_is_typed_and_is_changed_and_deleted(
    hosted: Hosted, site: str, triggers: Tab
) -> None:
    page = triggers.page
    triggers.expected = {422}
    triggers.button("Add trigger").click()
    times = page.get_by_role("status", name="Next times")
    expect(times.get_by_role("listitem")).to_have_count(5)
    triggers.label("Cron expression").fill("61 * * * *")
    expect(times.get_by_role("listitem")).to_have_count(0)
    expect(times).not_to_have_text("")
    triggers.button("SAVE").click()
    expect(triggers.label("Cron expression")).to_have_attribute("aria-invalid", "true")
    triggers.label("Cron expression").fill("30 4 * * *")
    triggers.page.get_by_role("combobox", name="Time zone").fill("tokyo")
    page.get_by_role("option", name="Asia/Tokyo").click()
    expect(times.get_by_role("listitem").first).to_contain_text("04:30")
    triggers.label("Name").fill("at dawn")
    triggers.button("Parameters, limits and retries").click()
    triggers.label("Parameters").fill('{"day": 1}')
    triggers.button("SAVE").click()
    row = page.get_by_role("listitem").filter(has_text="at dawn")
    expect(row).to_contain_text("30 4 * * *, Asia/Tokyo")
    expect(row).to_contain_text("Has not fired yet.")
    [made] = stored(hosted, site)
    assert made["settings"] | {"params": {"day": 1}, "missed": "run", "overlap": "skip"} == made["settings"]

    triggers.button("Edit: at dawn").click()
    expect(triggers.label("Cron expression")).to_have_value("30 4 * * *")
    triggers.choose("While a run is under way", "Run beside it")
    triggers.button("SAVE").click()
    triggers.dialog("Edit trigger").wait_for(state="detached")
    assert stored(hosted, site)[0]["settings"]["overlap"] == "allow"
    page.get_by_role("switch", name="On: at dawn").click(force=True)
    expect(row).not_to_contain_text("Next")
    assert stored(hosted, site)[0]["enabled"] is False
    triggers.button("Delete: at dawn").click()
    triggers.button("DELETE").click()
    expect(page.get_by_text("Nothing starts it but people.")).to_be_visible()


def test_the_address_of_a_webhook_is_shown_once_and_works(hosted: Hosted, site: str, triggers: Tab) -> None:
    page = triggers.page
    triggers.button("Add trigger").click()
    triggers.choose("Kind", "Webhook")
    triggers.button("SAVE").click()
    address = triggers.dialog("Address of the webhook").locator("code").inner_text()
    assert address.startswith(f"{hosted.base}/hooks/")
    triggers.button("Done").click()
    assert address not in page.content()
    answer = hosted.context.request.post(address, data={"day": 2})
    assert answer.status == 202, answer.text()
    page.get_by_role("tab", name="Log").click()
    expect(page.get_by_role("log", name="Log")).to_contain_text("ran")
    page.get_by_role("tab", name="Triggers").click()
    triggers.button("New address").click()
    triggers.button("MAKE").click()
    renewed = triggers.dialog("Address of the webhook").locator("code").inner_text()
    assert renewed != address
    assert hosted.context.request.post(address).status == 404
    assert hosted.context.request.post(renewed).status == 202


def test_a_folder_is_watched(hosted: Hosted, site: str, triggers: Tab) -> None:
    triggers.button("Add trigger").click()
    triggers.choose("Kind", "Watched folder")
    triggers.label("Directory").fill("../up")
    triggers.expected = {422}
    triggers.button("SAVE").click()
    expect(triggers.label("Directory")).to_have_attribute("aria-invalid", "true")
    triggers.label("Directory").fill("in")
    triggers.label("File names").fill("*.csv")
    triggers.label("goes").check()
    triggers.label("Seconds without a change").fill("0")
    triggers.button("SAVE").click()
    row = triggers.page.get_by_role("listitem").filter(has_text="Watched folder")
    expect(row).to_contain_text("Files created or changed or deleted in in, *.csv")
    assert hosted.run(site, 'MakeDir("in"); Log("made");') == ["made"]
    [made] = stored(hosted, site)
    assert (made["settings"]["on"], made["settings"]["settle_s"]) == (["created", "changed", "deleted"], 0)


def test_somebody_is_told_of_failures(hosted: Hosted, site: str, triggers: Tab) -> None:
    triggers.button("Add trigger").click()
    triggers.choose("Kind", "Notice of failures")
    triggers.expected = {422}
    triggers.button("SAVE").click()
    expect(triggers.label("Mail addresses")).to_have_attribute("aria-invalid", "true")
    triggers.label("Mail addresses").fill("me@example.com")
    triggers.button("SAVE").click()
    row = triggers.page.get_by_role("listitem").filter(has_text="Notice of failures")
    expect(row).to_contain_text("When a run has failed: me@example.com")
    triggers.button("Edit: Notice of failures").click()
    triggers.label("Minutes without another notice").fill("60")
    triggers.button("SAVE").click()
    triggers.dialog("Edit trigger").wait_for(state="detached")
    assert stored(hosted, site)[0]["settings"]["every_minutes"] == 60


def test_one_script_after_another(hosted: Hosted, site: str, triggers: Tab) -> None:
    hosted.push(site, "first", 'Log("first");')
    triggers.button("Add trigger").click()
    triggers.choose("Kind", "After another script")
    triggers.choose("Script", "first")
    triggers.choose("Run when it", "has ended, however")
    triggers.button("SAVE").click()
    expect(triggers.page.get_by_role("listitem").filter(has_text="After first has ended")).to_be_visible()
    hosted.call("POST", f"/sites/{site}/runs?wait=60", {"script": "first"})
    triggers.page.get_by_role("tab", name="Log").click()
    expect(triggers.page.get_by_role("log", name="Log")).to_contain_text("ran")
