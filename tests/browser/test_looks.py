"""Every page and every dialog: axe finds nothing, nothing sticks out at the side, and pictures for the documentation.

NIGHTDROP_WRITE_IMAGES=1 writes the pictures of the documentation to docs/images/; with a folder, all of them go there.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from real_browser import PHONE, WIDE, Hosted, Tab, tab

from .conftest import signed_in

# A picture of each page and dialog on a phone would be too much of a good thing.
ON_PHONES = {"secrets", "add-secret"}
# The picture of the first would hold a key, if of an account that is gone; the other one looks like any question.
WITHOUT_PICTURE = {"authenticator", "disable-admin"}
IMAGES = Path(__file__).parents[2] / "docs" / "images"
WRITE = os.environ.get("NIGHTDROP_WRITE_IMAGES", "")
SITE = "warehouse"
DAY_MS = 86_400_000
# Name, description, days until it expires.
SECRETS = [
    ("billing-api-key", "Payments, live account", None),
    ("mail-password", "SMTP account of the reports", 9.5),
    ("partner-sftp-passphrase", "", -1),
    ("report-signing-key", "PEM, for the monthly statements", 200),
    ("transfer-encryption-key", "age key for files (OTFE)", None),
]
SCRIPTS = [
    ("send-report", 'var to = GetSecret("mail-password"); Log(GetSecret("billing-api-key").length + to.length);'),
    ("nightly-transfer", 'Log(GetSecret("transfer-encryption-key").length);'),
    ("any-by-argument", "Log(GetSecret(Params[0]).length);"),
    (
        "fetch-orders",
        'var web = new HttpCli();\nvar apiKey = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";\nGetSecret("not-there");\n',
    ),
]
# Contrast depends on the scheme, everything else on the size: each of them once. The others are for pictures.
LOOKS = [(PHONE, "dark"), (WIDE, "light"), *([(WIDE, "dark"), (PHONE, "light")] if WRITE else [])]


@pytest.fixture(scope="package")
def warehouse(hosted: Hosted) -> str:
    """A site that looks like one in use."""
    hosted.new_site(SITE)
    for name, description, days in SECRETS:
        expires_ms = None if days is None else int(1000 * time.time() + days * DAY_MS)
        hosted.add(SITE, name, description=description, expires_ms=expires_ms)
    for name, code in SCRIPTS:
        hosted.push(SITE, name, code)
    hosted.run(SITE, SCRIPTS[0][1])
    hosted.call("POST", f"/sites/{SITE}/runs?wait=60", {"script": "nightly-transfer"})
    hosted.call("POST", f"/sites/{SITE}/runs?wait=60", {"script": "fetch-orders", "params": {"day": "monday"}})
    hosted.call("POST", f"/sites/{SITE}/runs?wait=60", {"code": 'LogWarn("slow");\nmissing();', "name": "once"})
    for settings in (
        {"kind": "schedule", "cron": "0 6 * * 1-5", "zone": "Europe/Berlin"},
        {"kind": "webhook"},
        {"kind": "after", "script": "send-report", "on": "failed"},
    ):
        hosted.call("POST", f"/sites/{SITE}/triggers", {"script": "nightly-transfer", "settings": settings})
    hosted.add(SITE, "old-ftp-password", description="Before the move")
    hosted.spoil(SITE, "old-ftp-password")
    return SITE


@pytest.fixture(scope="package")
def invitation(hosted: Hosted, warehouse: str) -> str:
    """The path of a set-up link that nobody has used."""
    return hosted.invite("berta", {warehouse: ["secrets:view", "secrets:edit", "scripts:view", "runs:view"]})


def look(opened: Tab, name: str) -> None:
    """Check what is shown now, wide and light, on a phone and dark, and take its pictures."""
    for size, scheme in LOOKS:
        opened.show(size, scheme)
        page = opened.page
        expect(page.get_by_label("Loading")).to_have_count(0)
        # A hint that fades away has any contrast.
        page.mouse.move(0, 0)
        expect(page.get_by_role("tooltip")).to_have_count(0)
        page.evaluate("scrollTo(0, 0)")
        assert opened.violations() == [], (name, size, scheme)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} sticks out at the side by {wide} px"
        shape = "" if size == WIDE else "-phone"
        documented = name not in WITHOUT_PICTURE and (size == WIDE or name in ON_PHONES)
        if WRITE == "1" and documented:
            take_picture(page, IMAGES / f"{name}{shape}-{scheme}.png")
        elif WRITE not in {"", "1"}:
            page.screenshot(path=Path(WRITE) / f"{name}{shape}-{scheme}.png", animations="disabled")


def take_picture(page: Page, file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    shown = page.get_by_role("dialog")
    (shown if shown.count() else page).screenshot(path=file, animations="disabled", caret="hide")
    assert file.stat().st_size < 120_000, file


def row_action(action: str, name: str) -> Callable[[Tab], None]:
    return lambda opened: opened.button(f"{action}: {name}").click()


def add_with_everything(opened: Tab) -> None:
    opened.button("Add Secret").click()
    opened.label("Name").fill("warehouse-ftp")
    opened.label("Value").fill("line one\nline two\n")
    opened.page.get_by_role("button", name="Generate").first.click()
    opened.button("Description and expiry").click()


def preview(opened: Tab) -> None:
    opened.button("Import").click()
    opened.label("Contents").fill("NEW_KEY=abc\nmail-password=def\nbroken line\n")
    opened.button("Preview").click()
    opened.page.get_by_role("button", name="IMPORT 1").wait_for()


def permissions(opened: Tab) -> None:
    opened.button("Permissions of berta").click()
    opened.page.get_by_role("checkbox", name=f"scripts:edit in {SITE}", exact=True).check()


def disable(opened: Tab) -> None:
    opened.button("More about berta").click()
    opened.page.get_by_role("menuitem", name="Disable").click()
    opened.page.get_by_role("menu").wait_for(state="detached")


def on_script(name: str, tab_name: str = "Log") -> Callable[[Tab], None]:
    """Go from the list to a script and one of its tabs."""

    def act(opened: Tab) -> None:
        opened.page.get_by_role("link", name=name).click()
        opened.page.get_by_role("textbox", name=f"Code of {name}").wait_for()
        opened.page.get_by_role("tab", name=tab_name).click()

    return act


def more(item: str) -> Callable[[Tab], None]:
    def act(opened: Tab) -> None:
        on_script("fetch-orders")(opened)
        opened.button("More").click()
        opened.page.get_by_role("menuitem", name=item).click()
        opened.page.get_by_role("menu").wait_for(state="detached")

    return act


def add_trigger(opened: Tab) -> None:
    on_script("nightly-transfer", "Triggers")(opened)
    opened.button("Add trigger").click()
    opened.button("Parameters, limits and retries").click()
    expect(opened.page.get_by_role("status", name="Next times").get_by_role("listitem")).to_have_count(5)


def run_script(opened: Tab) -> None:
    on_script("fetch-orders")(opened)
    opened.button("Run").click()


# From the list of scripts, which each of them leaves.
SCRIPT_VIEWS: list[tuple[str, Callable[[Tab], None]]] = [
    ("script", on_script("fetch-orders")),
    ("script-triggers", on_script("nightly-transfer", "Triggers")),
    ("script-secrets", on_script("fetch-orders", "Secrets")),
    ("script-versions", on_script("fetch-orders", "Versions")),
    ("editor-keys", more("Keys of the editor")),
    ("add-trigger", add_trigger),
    ("run-script", run_script),
    ("delete-script", lambda opened: opened.button("Delete: nightly-transfer").click()),
    ("new-script", lambda opened: opened.button("New script").click()),
    ("script-leaks", lambda opened: opened.button("Show where").click()),
]
DIALOGS: list[tuple[str, str, Callable[[Tab], None]]] = [
    ("add-secret", f"/sites/{SITE}/secrets", lambda opened: opened.button("Add Secret").click()),
    ("add-secret-more", f"/sites/{SITE}/secrets", add_with_everything),
    ("update-value", f"/sites/{SITE}/secrets", row_action("Update value", "mail-password")),
    ("edit-details", f"/sites/{SITE}/secrets", row_action("Edit details", "mail-password")),
    ("delete", f"/sites/{SITE}/secrets", row_action("Delete", "mail-password")),
    ("used-by", f"/sites/{SITE}/secrets", lambda opened: opened.button("1 script using mail-password").click()),
    ("import", f"/sites/{SITE}/secrets", preview),
    ("shortcuts", f"/sites/{SITE}/secrets", lambda opened: opened.page.keyboard.press("?")),
    ("new-token", "/account", lambda opened: opened.button("New token").click()),
    ("authenticator", "/account", lambda opened: opened.button("Set up").click()),
    ("add-site", "/sites", lambda opened: opened.button("Add site").click()),
    ("site-settings", "/sites", lambda opened: opened.button(f"Settings of {SITE}").click()),
    ("permissions", "/admins", permissions),
    ("disable-admin", "/admins", disable),
    ("add-admin", "/admins", lambda opened: opened.button("Add admin").click()),
]
PAGES = [
    ("overview", f"/sites/{SITE}", "Overview"),
    ("secrets", f"/sites/{SITE}/secrets", "Secrets"),
    ("scripts", f"/sites/{SITE}/scripts", "Scripts"),
    ("triggers", f"/sites/{SITE}/triggers", "Triggers"),
    ("runs", f"/sites/{SITE}/runs", "Runs"),
    ("account", "/account", "Account"),
    ("sites", "/sites", "Sites"),
    ("admins", "/admins", "Admins"),
    ("not-found", "/no/such/page", "There is no such page"),
]


def test_every_page(hosted: Hosted, invitation: str) -> None:
    with signed_in(hosted) as opened:
        for name, path, heading in PAGES:
            opened.go(path)
            opened.heading(heading).wait_for()
            if name == "secrets":
                opened.row("mail-password").wait_for()
            if name == "overview":
                opened.page.get_by_role("region", name="Next runs").wait_for()
            if name == "triggers":
                opened.page.get_by_role("listitem").first.wait_for()
            look(opened, name)


def test_every_dialog(hosted: Hosted, invitation: str) -> None:
    with signed_in(hosted) as opened:
        before = ""
        for name, path, act in DIALOGS:
            if path != before:
                opened.go(path)
                opened.page.get_by_role("heading", level=1).wait_for()
                before = path
            if "secrets" in path:
                opened.row("mail-password").wait_for()
            opened.show(WIDE, "light")
            act(opened)
            opened.page.get_by_role("dialog").wait_for()
            look(opened, name)
            opened.page.keyboard.press("Escape")
            opened.page.get_by_role("dialog").wait_for(state="detached")


def test_every_view_of_a_script(hosted: Hosted, invitation: str) -> None:
    with signed_in(hosted) as opened:
        for name, act in SCRIPT_VIEWS:
            opened.go(f"/sites/{SITE}/scripts")
            opened.show(WIDE, "light")
            opened.row("fetch-orders").wait_for()
            act(opened)
            if name == "script":
                expect(opened.page.locator(".cm-lintRange-warning")).to_have_count(2)
            look(opened, name)


def test_a_run_that_failed(hosted: Hosted, warehouse: str) -> None:
    with signed_in(hosted) as opened:
        opened.go(f"/sites/{SITE}/runs")
        opened.page.get_by_role("link", name="once").click()
        expect(opened.page.get_by_role("log", name="Log")).to_contain_text("slow")
        look(opened, "run")


def test_set_up_sign_in_and_the_empty_page(hosted: Hosted, browser: Browser, invitation: str) -> None:
    with tab(browser, hosted.base) as opened:
        opened.go(invitation)
        opened.heading("Set up your account").wait_for()
        look(opened, "setup")
        opened.go("/setup")
        opened.heading("Set-up link needed").wait_for()
        look(opened, "setup-without-link")
        opened.go("/sign-in")
        opened.heading("Sign in").wait_for()
        look(opened, "sign-in")
        opened.sign_in("anna")
        # The site that is there from the start, which these tests leave alone.
        opened.heading("First steps").wait_for()
        look(opened, "first-steps")
        opened.go("/sites/default/secrets")
        opened.heading("No secrets yet").wait_for()
        look(opened, "secrets-empty")


def test_the_colours_are_chosen_and_kept(opened: Tab) -> None:
    page = opened.go("/account")
    shown = page.locator("html")
    expect(shown).to_have_attribute("data-mantine-color-scheme", "light")
    opened.button("Use dark colours").click()
    page.reload()
    expect(shown).to_have_attribute("data-mantine-color-scheme", "dark")
    opened.button("Use light colours").click()
    expect(shown).to_have_attribute("data-mantine-color-scheme", "light")


def test_the_buttons_of_a_tall_dialog_stay_in_sight(opened: Tab, warehouse: str) -> None:
    for size in (WIDE, PHONE):
        page = opened.go("/admins")
        opened.show(size, "light")
        opened.button("Add admin").click()
        opened.label("Name").fill("x")
        button = opened.dialog("Add admin").get_by_role("button", name="Add admin")
        expect(button).to_be_in_viewport(ratio=1)
        # What one gets to by keyboard is not below the buttons.
        last = page.get_by_role("checkbox", name="settings:edit in default")
        last.focus()
        expect(last).to_be_in_viewport(ratio=1)
        below, above = last.bounding_box(), button.bounding_box()
        assert below["y"] + below["height"] <= above["y"]
