"""Every page and every dialog: axe finds nothing, nothing sticks out at the side, and pictures for the documentation.

NIGHTDROP_WRITE_IMAGES=1 writes the pictures to docs/images/.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from real_browser import PHONE, WIDE, Hosted, Tab, tab

from .conftest import signed_in

# A picture of each page and dialog on a phone would be too much of a good thing.
ON_PHONES = {"secrets", "add-secret"}
# Its picture would hold a key, if of an account that is gone.
WITHOUT_PICTURE = {"authenticator"}
IMAGES = Path(__file__).parents[2] / "docs" / "images"
WRITE = os.environ.get("NIGHTDROP_WRITE_IMAGES") == "1"
SITE = "warehouse"
SECRETS = [
    ("billing-api-key", "Payments, live account", {}),
    ("mail-password", "SMTP account of the reports", {}),
    ("partner-sftp-passphrase", "", {}),
    ("report-signing-key", "PEM, for the monthly statements", {}),
    ("transfer-encryption-key", "age key for files (OTFE)", {}),
]
SCRIPTS = [
    ("send-report", 'var to = GetSecret("mail-password"); Log(GetSecret("billing-api-key").length + to.length);'),
    ("nightly-transfer", 'Log(GetSecret("transfer-encryption-key").length);'),
    ("any-by-argument", "Log(GetSecret(Params[0]).length);"),
]
LOOKS = [(WIDE, "light"), (WIDE, "dark"), (PHONE, "light"), (PHONE, "dark")]
looks = pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=["wide-light", "wide-dark", "phone-light", "phone-dark"])


@pytest.fixture(scope="package")
def warehouse(hosted: Hosted) -> str:
    """A site that looks like one in use."""
    hosted.new_site(SITE)
    for name, description, details in SECRETS:
        hosted.add(SITE, name, description=description, **details)
    for name, code in SCRIPTS:
        hosted.push(SITE, name, code)
    hosted.run(SITE, SCRIPTS[0][1])
    hosted.add(SITE, "old-ftp-password", description="Before the move")
    hosted.spoil(SITE, "old-ftp-password")
    return SITE


@pytest.fixture(scope="package")
def invitation(hosted: Hosted, warehouse: str) -> str:
    """The path of a set-up link that nobody has used."""
    grants = {
        hosted.call("GET", f"/sites/{warehouse}")["id"]: ["secrets:view", "secrets:edit", "scripts:view", "runs:view"]
    }
    made = hosted.call("POST", "/admins", {"name": "berta", "super": False, "grants": grants})
    return str(made["setup_link"]["path"])


def look(opened: Tab, name: str, size: tuple[int, int], scheme: str) -> None:
    """Check what is shown now, and take its picture."""
    page = opened.page
    expect(page.get_by_label("Loading")).to_have_count(0)
    assert opened.violations() == [], name
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} sticks out at the side by {wide} px"
    if WRITE and name not in WITHOUT_PICTURE and (size == WIDE or name in ON_PHONES):
        IMAGES.mkdir(exist_ok=True)
        shape = "" if size == WIDE else "-phone"
        file = IMAGES / f"{name}{shape}-{scheme}.png"
        page.mouse.move(0, 0)
        shown = page.get_by_role("dialog")
        (shown if shown.count() else page).screenshot(path=file, animations="disabled", caret="hide")
        assert file.stat().st_size < 100_000, file


def row_action(action: str, name: str) -> Callable[[Tab], None]:
    return lambda opened: opened.button(f"{action}: {name}").click()


def add_with_everything(opened: Tab) -> None:
    opened.button("Add Secret").click()
    opened.label("Name").fill("warehouse-ftp")
    opened.label("Value").fill("line one\nline two\n")
    opened.page.get_by_role("button", name="Generate").first.click()
    opened.button("Description").click()


def preview(opened: Tab) -> None:
    opened.button("Import").click()
    opened.label("Contents").fill("NEW_KEY=abc\nmail-password=def\nbroken line\n")
    opened.button("Preview").click()
    opened.page.get_by_role("button", name="IMPORT 1").wait_for()


DIALOGS: list[tuple[str, str, Callable[[Tab], None]]] = [
    ("add-secret", f"/sites/{SITE}/secrets", lambda opened: opened.button("Add Secret").click()),
    ("add-secret-more", f"/sites/{SITE}/secrets", add_with_everything),
    ("update-value", f"/sites/{SITE}/secrets", row_action("Update value", "mail-password")),
    ("edit-details", f"/sites/{SITE}/secrets", row_action("Edit details", "mail-password")),
    ("delete", f"/sites/{SITE}/secrets", row_action("Delete", "mail-password")),
    ("import", f"/sites/{SITE}/secrets", preview),
    ("shortcuts", f"/sites/{SITE}/secrets", lambda opened: opened.page.keyboard.press("?")),
    ("new-token", "/account", lambda opened: opened.button("New token").click()),
    ("authenticator", "/account", lambda opened: opened.button("Set up").click()),
    ("add-site", "/sites", lambda opened: opened.button("Add site").click()),
    ("site-settings", "/sites", lambda opened: opened.button(f"Settings of {SITE}").click()),
    ("add-admin", "/admins", lambda opened: opened.button("Add admin").click()),
]
PAGES = [
    ("secrets", f"/sites/{SITE}/secrets", "Secrets"),
    ("scripts", f"/sites/{SITE}/scripts", "Scripts"),
    ("runs", f"/sites/{SITE}/runs", "Runs"),
    ("account", "/account", "Account"),
    ("sites", "/sites", "Sites"),
    ("admins", "/admins", "Admins"),
    ("not-found", "/no/such/page", "There is no such page"),
]


@looks
def test_every_page(hosted: Hosted, invitation: str, size, scheme) -> None:
    with signed_in(hosted, size=size, scheme=scheme) as opened:
        for name, path, heading in PAGES:
            opened.go(path)
            opened.heading(heading).wait_for()
            if name == "secrets":
                opened.row("mail-password").wait_for()
            look(opened, name, size, scheme)


@looks
def test_every_dialog(hosted: Hosted, warehouse: str, size, scheme) -> None:
    with signed_in(hosted, size=size, scheme=scheme) as opened:
        before = ""
        for name, path, act in DIALOGS:
            if path != before:
                opened.go(path)
                opened.page.get_by_role("heading", level=1).wait_for()
                before = path
            if "secrets" in path:
                opened.row("mail-password").wait_for()
            act(opened)
            opened.page.get_by_role("dialog").wait_for()
            look(opened, name, size, scheme)
            opened.page.keyboard.press("Escape")
            opened.page.get_by_role("dialog").wait_for(state="detached")


@looks
def test_set_up_sign_in_and_the_empty_page(hosted: Hosted, browser: Browser, invitation: str, size, scheme) -> None:
    with tab(browser, hosted.base, size=size, scheme=scheme) as opened:
        opened.go(invitation)
        opened.heading("Set up your account").wait_for()
        look(opened, "setup", size, scheme)
        opened.go("/setup")
        opened.heading("Set-up link needed").wait_for()
        look(opened, "setup-without-link", size, scheme)
        opened.go("/sign-in")
        opened.heading("Sign in").wait_for()
        look(opened, "sign-in", size, scheme)
        opened.sign_in("anna")
        # The site that is there from the start, which these tests leave alone.
        opened.heading("No secrets yet").wait_for()
        look(opened, "secrets-empty", size, scheme)
