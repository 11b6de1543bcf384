"""Everything by keyboard, and the focus is where it was."""

from playwright.sync_api import expect

from real_browser import Hosted, Tab


def test_a_secret_is_added_without_a_mouse(hosted: Hosted, site: str, secrets: Tab) -> None:
    keyboard = secrets.page.keyboard
    secrets.heading("No secrets yet").wait_for()
    keyboard.press("n")
    expect(secrets.dialog("Add Secret")).to_be_visible()
    expect(secrets.label("Name")).to_be_focused()
    assert secrets.label("Name").input_value() == ""
    keyboard.insert_text("typed-name")
    for _ in range(8):
        keyboard.press("Tab")
        if secrets.label("Value").evaluate("element => element === document.activeElement"):
            break
    keyboard.insert_text("n / ?")
    while secrets.focused != "SAVE":
        keyboard.press("Tab")
    keyboard.press("Enter")
    secrets.row("typed-name").wait_for()
    secrets.dialog("Add Secret").wait_for(state="detached")
    assert hosted.run(site, 'Log(GetSecret("typed-name") == "n / ?");') == ["true"]


def test_slash_searches_and_escape_clears(hosted: Hosted, site: str, secrets: Tab) -> None:
    hosted.add(site, "alpha")
    hosted.add(site, "beta")
    page = secrets.go(f"/sites/{site}/secrets")
    secrets.row("beta").wait_for()
    page.keyboard.press("/")
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    page.keyboard.type("alp/n")
    expect(search).to_have_value("alp/n")
    page.keyboard.press("Escape")
    expect(search).to_have_value("")
    expect(search).to_be_focused()


def test_the_focus_returns_to_what_opened_a_dialog(hosted: Hosted, site: str, secrets: Tab) -> None:
    hosted.add(site, "alpha")
    hosted.add(site, "beta")
    page = secrets.go(f"/sites/{site}/secrets")
    for button in (
        "Update value: beta",
        "Edit details: beta",
        "Delete: beta",
        "0 scripts using beta",
        "Import",
        "Add Secret",
    ):
        opener = secrets.button(button)
        opener.focus()
        page.keyboard.press("Enter")
        page.get_by_role("dialog").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        expect(opener).to_be_focused()
    page.keyboard.press("n")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    expect(secrets.button("Add Secret")).to_be_focused()


def test_arrows_go_from_row_to_row(hosted: Hosted, site: str, secrets: Tab) -> None:
    hosted.add(site, "alpha")
    hosted.add(site, "beta")
    page = secrets.go(f"/sites/{site}/secrets")
    secrets.button("Delete: alpha").focus()
    page.keyboard.press("ArrowDown")
    expect(secrets.button("Delete: beta")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(secrets.button("Delete: alpha")).to_be_focused()


def test_single_keys_can_be_switched_off(secrets: Tab) -> None:
    page = secrets.page
    page.keyboard.press("?")
    dialog = secrets.dialog("Keyboard shortcuts")
    dialog.get_by_label("Use single keys as shortcuts").uncheck()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    page.keyboard.press("n")
    page.keyboard.press("?")
    assert page.get_by_role("dialog").count() == 0
