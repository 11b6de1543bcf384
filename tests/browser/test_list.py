"""The list of secrets: what it shows, search, sort, many rows, and what cannot be opened."""

from playwright.sync_api import Request, expect

from real_browser import PHONE, Hosted, Tab
from rows import fill
from support import wait_until

from .conftest import signed_in


def names(opened: Tab) -> list[str]:
    expect(opened.page.get_by_label("Loading")).to_have_count(0)
    return [text.split("\n")[0] for text in opened.page.locator("tbody th[scope=row]").all_inner_texts()]


def test_the_empty_page_explains_what_to_do(secrets: Tab) -> None:
    expect(secrets.page.get_by_role("listitem")).to_contain_text(
        ["Add a secret", "Get it in a script", "update its value"]
    )
    expect(secrets.page.get_by_text("Values are write-only")).to_be_visible()
    secrets.button("Add Secret").last.click()
    secrets.dialog("Add Secret").wait_for()


def test_a_row_shows_everything_but_the_value(hosted: Hosted, site: str, secrets: Tab) -> None:
    hosted.add(site, "api-key", "needle-of-the-row", description="Payments")
    hosted.push(site, "pay", 'GetSecret("api-key");')
    assert hosted.run(site, 'Log(GetSecret("api-key").length);') == ["17"]
    # A new secret makes the worker look after all of them, marks of use too, before it does by itself.
    hosted.add(site, "other")
    wait_until(lambda: hosted.call("GET", f"/sites/{site}/secrets")["items"][0]["last_used_ms"], "the mark of use")
    secrets.go(f"/sites/{site}/secrets")
    cells = secrets.row("api-key").get_by_role("cell")
    expect(cells.nth(0)).to_have_text("Payments")
    expect(cells.nth(1).locator("time")).to_be_visible()
    expect(cells.nth(2).locator("time")).to_be_visible()
    expect(cells.nth(3)).to_have_text("1 script")
    expect(secrets.row("other").get_by_role("cell").nth(2)).to_have_text("Never")
    expect(secrets.row("other").get_by_role("cell").nth(3)).to_have_text("0 scripts")
    assert "needle-of-the-row" not in secrets.page.content()
    for button, icon in (("Update value", "pencil"), ("Delete", "trash")):
        expect(secrets.button(f"{button}: api-key").locator(f"svg[class*={icon}]")).to_be_visible()
    secrets.button("1 script using api-key").click()
    expect(secrets.dialog("Used by: api-key")).to_contain_text("pay")


def test_search_and_sort_are_asked_of_the_server(hosted: Hosted, site: str, secrets: Tab) -> None:
    for name, description in (("beta", "the bank"), ("alpha", "mail"), ("gamma", "another bank")):
        hosted.add(site, name, description=description)
    secrets.go(f"/sites/{site}/secrets")
    secrets.row("alpha").wait_for()
    assert names(secrets) == ["alpha", "beta", "gamma"]
    name = secrets.page.get_by_role("columnheader", name="Name")
    with secrets.page.expect_response(lambda answer: "sort=-name" in answer.url):
        name.get_by_role("button").click()
    expect(name).to_have_attribute("aria-sort", "descending")
    expect(secrets.page.locator("tbody th").first).to_contain_text("gamma")
    assert names(secrets) == ["gamma", "beta", "alpha"]
    with secrets.page.expect_response(lambda answer: "sort=-updated" in answer.url):
        secrets.page.get_by_role("columnheader", name="Updated").get_by_role("button").click()
    expect(secrets.page.locator("tbody th").nth(2)).to_contain_text("beta")
    assert names(secrets) == ["gamma", "alpha", "beta"]
    search = secrets.page.get_by_role("searchbox")
    with secrets.page.expect_response(lambda answer: "q=BANK" in answer.url):
        search.fill("BANK")
    expect(secrets.page.get_by_text("2 secrets", exact=True)).to_be_visible()
    assert names(secrets) == ["gamma", "beta"]
    search.fill("nothing like it")
    expect(secrets.page.get_by_text("Nothing matches")).to_be_visible()
    secrets.button("Clear search").click()
    expect(secrets.page.get_by_text("3 secrets", exact=True)).to_be_visible()


def test_five_thousand_rows_stay_usable(hosted: Hosted, site: str, secrets: Tab) -> None:
    fill(hosted.installation.home / "data" / "app.db", hosted.call("GET", f"/sites/{site}")["id"], 0, 5000)
    page = secrets.go(f"/sites/{site}/secrets")
    expect(page.get_by_text("200+ secrets")).to_be_visible()
    page.get_by_role("columnheader", name="Updated").get_by_role("button").click()
    expect(page.locator("tbody th").first).to_contain_text(f"-key-{4999 * 7919 % 1_000_003}")
    # Rows that are far below are fetched while one scrolls, and only those in sight are in the page.
    for count in (400, 600, 800):
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        expect(page.get_by_text(f"{count}+ secrets")).to_be_visible()
    assert page.locator("tbody tr").count() < 120
    page.get_by_role("searchbox").fill("customer 1234")
    expect(page.get_by_text("1 secret", exact=True)).to_be_visible()
    expect(page.locator("tbody th")).to_contain_text([f"-key-{1234 * 7919 % 1_000_003}"])


def test_what_cannot_be_opened_is_marked_with_its_remedy(hosted: Hosted, site: str, secrets: Tab) -> None:
    hosted.add(site, "fine")
    hosted.add(site, "spoilt")
    hosted.spoil(site, "spoilt")
    secrets.go(f"/sites/{site}/secrets")
    expect(secrets.row("spoilt")).to_contain_text("Cannot be opened. It was changed or exchanged in the database.")
    expect(secrets.row("spoilt")).to_contain_text("Update value to store it anew")
    expect(secrets.row("fine")).not_to_contain_text("Cannot be opened")
    # The remedy.
    secrets.button("Update value: spoilt").click()
    secrets.label("Value").fill("stored anew")
    secrets.button("UPDATE").click()
    expect(secrets.row("spoilt")).not_to_contain_text("Cannot be opened")
    assert hosted.run(site, 'Log(GetSecret("spoilt") == "stored anew");') == ["true"]


def test_sites_are_switched_and_do_not_mix(hosted: Hosted, site: str, secrets: Tab) -> None:
    other = hosted.new_site()
    hosted.add(site, "of-the-first")
    hosted.add(other, "of-the-second")
    page = secrets.go(f"/sites/{site}/secrets")
    secrets.row("of-the-first").wait_for()
    page.get_by_role("combobox", name="Site").click()
    page.get_by_role("option", name=other, exact=True).click()
    secrets.row("of-the-second").wait_for()
    assert page.url.endswith(f"/sites/{other}/secrets")
    assert names(secrets) == ["of-the-second"]


def test_a_phone_has_sorting_and_the_navigation_too(hosted: Hosted, site: str) -> None:
    for name in ("alpha", "beta"):
        hosted.add(site, name)
    with signed_in(hosted, size=PHONE) as opened:
        page = opened.go(f"/sites/{site}/secrets")
        opened.row("alpha").wait_for()
        page.get_by_role("combobox", name="Sort by").click()
        page.get_by_role("option", name="Name, Z to A").click()
        expect(page.locator("tbody th").first).to_contain_text("beta")
        opened.button("Open navigation").click()
        page.get_by_role("link", name="Runs").click()
        opened.heading("Runs").wait_for()


def test_what_is_shown_is_saved(hosted: Hosted, site: str, secrets: Tab) -> None:
    """Nothing is shown before the server has it, and a refusal leaves what was typed."""
    seen: list[Request] = []
    secrets.expected = {503}
    problem = '{"type": "about:blank", "title": "Busy", "status": 503, "code": "busy", "detail": "The server is busy.", "hint": ""}'

    def refuse(route, request) -> None:
        if request.method != "POST":
            return route.continue_()
        seen.append(request)
        return route.fulfill(status=503, content_type="application/problem+json", body=problem)

    secrets.page.route("**/secrets", refuse)
    secrets.button("Add Secret").first.click()
    secrets.label("Name").fill("later")
    secrets.label("Value").fill("kept")
    secrets.button("SAVE").click()
    expect(secrets.dialog("Add Secret").get_by_role("alert")).to_contain_text("The server is busy.")
    assert len(seen) == 1
    assert secrets.page.get_by_role("rowheader").count() == 0
    assert secrets.label("Value").input_value() == "kept"
    secrets.page.unroute("**/secrets")
    secrets.button("SAVE").click()
    secrets.row("later").wait_for()
    assert hosted.run(site, 'Log(GetSecret("later") == "kept");') == ["true"]
