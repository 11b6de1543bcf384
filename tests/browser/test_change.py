"""Adding, updating, describing, deleting, generating and importing, with the labels of the manual."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from real_browser import PHONE, WIDE, Hosted, Tab

from .conftest import signed_in

MASK = "element => getComputedStyle(element).webkitTextSecurity"
PEM = "-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n"


@pytest.fixture(params=[(WIDE, "light"), (PHONE, "dark")], ids=["wide", "phone"])
def secrets(request: pytest.FixtureRequest, hosted: Hosted, site: str) -> Iterator[Tab]:
    """The Secrets page of a fresh site, on a large screen and on a phone."""
    size, scheme = request.param
    with signed_in(hosted, size=size, scheme=scheme) as opened:
        opened.go(f"/sites/{site}/secrets")
        opened.heading("Secrets").wait_for()
        yield opened


def add(opened: Tab) -> None:
    opened.button("Add Secret").first.click()
    opened.dialog("Add Secret").wait_for()


def test_a_value_is_masked_until_the_eye_shows_it(secrets: Tab) -> None:
    add(secrets)
    value = secrets.label("Value")
    value.fill("typed")
    assert value.evaluate(MASK) == "disc"
    secrets.button("Show value").click()
    assert value.evaluate(MASK) == "none"
    secrets.button("Hide value").click()
    assert value.evaluate(MASK) == "disc"
    for field in (secrets.label("Name"), value):
        assert field.get_attribute("autocomplete") == "off"
        assert field.get_attribute("spellcheck") == "false"


def test_a_value_of_several_lines_is_stored_as_it_stands(hosted: Hosted, site: str, secrets: Tab) -> None:
    add(secrets)
    secrets.label("Name").fill("pem")
    secrets.label("Value").fill(PEM)
    expect(secrets.page.get_by_text("in 3 lines")).to_be_visible()
    expect(secrets.page.get_by_text("Ends with a line break")).to_be_visible()
    secrets.button("SAVE").click()
    secrets.row("pem").wait_for()
    expect(secrets.page.get_by_text("Saved pem.")).to_be_visible()
    assert hosted.run(site, f"Log(GetSecret('pem') == {PEM!r});") == ["true"]


def test_errors_stand_next_to_their_field(hosted: Hosted, site: str, secrets: Tab) -> None:
    hosted.add(site, "taken")
    secrets.expected = {409}
    add(secrets)
    name, value = secrets.label("Name"), secrets.label("Value")
    secrets.button("SAVE").click()
    expect(secrets.page.get_by_text("Enter a name.")).to_be_visible()
    expect(name).to_be_focused()
    name.fill("taken")
    secrets.button("SAVE").click()
    expect(value).to_be_focused()
    expect(value).to_have_attribute("aria-invalid", "true")
    value.fill("typed")
    secrets.button("SAVE").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    expect(secrets.dialog("Add Secret")).to_contain_text("There is a secret of this name already.")
    assert value.input_value() == "typed"


def test_a_placeholder_is_refused_before_it_is_sealed(hosted: Hosted, site: str, secrets: Tab) -> None:
    placeholder = "[hidden by the server]"
    hosted.add(site, "api-key", "kept")
    secrets.go(f"/sites/{site}/secrets")
    value = secrets.label("Value")
    secrets.button("Update value: api-key").click()
    value.fill(placeholder)
    secrets.button("UPDATE").click()
    expect(value).to_have_attribute("aria-invalid", "true")
    expect(value).to_be_focused()
    expect(secrets.dialog("Update value")).to_contain_text("This is a placeholder")
    assert secrets.violations() == []
    secrets.page.keyboard.press("Escape")

    add(secrets)
    secrets.label("Name").fill("new")
    value.fill(placeholder)
    secrets.button("SAVE").click()
    expect(secrets.dialog("Add Secret")).to_contain_text("This is a placeholder")
    value.press("End")
    secrets.page.keyboard.type("!")
    expect(value).not_to_have_attribute("aria-invalid", "true")
    secrets.page.keyboard.press("Escape")

    secrets.button("Import").click()
    secrets.label("Contents").fill(f"NEW={placeholder}\n")
    secrets.button("Preview").click()
    imported = secrets.dialog("Import secrets")
    expect(imported.get_by_role("row").last).to_contain_text("This is a placeholder")
    expect(imported).to_contain_text("No row can be imported as it is.")
    assert imported.get_by_role("button", name="IMPORT").count() == 0
    assert not [one for one in secrets.requests if one.method in {"POST", "PUT"}]
    assert hosted.run(site, 'Log(GetSecret("api-key") == "kept");') == ["true"]


def test_an_expiry_is_set_changed_and_taken_away(hosted: Hosted, site: str, secrets: Tab) -> None:
    """The time zone of these pages is UTC."""
    add(secrets)
    secrets.label("Name").fill("short-lived")
    secrets.label("Value").fill("v")
    secrets.button("Description and expiry").click()
    expires = secrets.label("Expires")
    expires.fill("2020-01-31T12:00")
    secrets.button("SAVE").click()
    expect(expires).to_have_attribute("aria-invalid", "true")
    expect(expires).to_be_focused()
    soon = datetime.now(UTC) + timedelta(days=3, minutes=5)
    expires.fill(soon.strftime("%Y-%m-%dT%H:%M"))
    expect(expires).not_to_have_attribute("aria-invalid", "true")
    secrets.button("SAVE").click()
    row = secrets.row("short-lived")
    expect(row).to_contain_text("Expires in 3 days")
    stored = hosted.call("GET", f"/sites/{site}/secrets")["items"][0]
    assert stored["expires_ms"] == int(soon.replace(second=0, microsecond=0).timestamp()) * 1000

    secrets.button("Edit details: short-lived").click()
    expect(expires).to_have_value(soon.strftime("%Y-%m-%dT%H:%M"))
    secrets.label("Description").fill("For a while")
    secrets.button("SAVE").click()
    expect(row).to_contain_text("For a while")
    assert hosted.call("GET", f"/sites/{site}/secrets")["items"][0]["expires_ms"] == stored["expires_ms"]

    secrets.button("Edit details: short-lived").click()
    secrets.button("Never expires").click()
    secrets.button("SAVE").click()
    expect(row).not_to_contain_text("Expires")
    assert hosted.call("GET", f"/sites/{site}/secrets")["items"][0]["expires_ms"] is None


def test_half_a_time_is_not_taken_for_none(secrets: Tab) -> None:
    add(secrets)
    secrets.label("Name").fill("a")
    secrets.label("Value").fill("v")
    secrets.button("Description and expiry").click()
    expires = secrets.label("Expires")
    expires.focus()
    secrets.page.keyboard.type("0131")
    secrets.button("SAVE").click()
    expect(secrets.dialog("Add Secret")).to_contain_text("Fill in every part of it, or clear it.")
    expect(expires).to_be_focused()
    assert not [one for one in secrets.requests if one.method == "POST"]


def test_what_has_expired_says_so_and_scripts_do_not_get_it(hosted: Hosted, site: str, secrets: Tab) -> None:
    hosted.add(site, "over", "v", expires_ms=1)
    hosted.add(site, "lasts", "v", expires_ms=32_503_680_000_000)
    secrets.go(f"/sites/{site}/secrets")
    expect(secrets.row("over")).to_contain_text("Expired")
    expect(secrets.row("lasts")).to_contain_text("Expires in")
    assert hosted.run(site, 'Log(GetSecret("over") == "", GetSecret("lasts") == "v");')[-1] == "true true"
    secrets.button("Update value: over").click()
    expect(secrets.dialog("Update value")).to_contain_text("It has expired, and a new value does not change that")


def test_update_value_shows_the_name_and_says_that_there_is_no_undo(hosted: Hosted, site: str, secrets: Tab) -> None:
    hosted.add(site, "api-key", "before")
    secrets.go(f"/sites/{site}/secrets")
    secrets.button("Update value: api-key").click()
    name = secrets.label("Name")
    assert (name.input_value(), name.is_editable()) == ("api-key", False)
    assert secrets.label("Value").input_value() == ""
    expect(secrets.label("Value")).to_be_focused()
    expect(secrets.dialog("Update value")).to_contain_text("There is no undo")
    secrets.label("Value").fill("after")
    secrets.button("UPDATE").click()
    secrets.dialog("Update value").wait_for(state="detached")
    assert hosted.run(site, 'Log(GetSecret("api-key") == "after");') == ["true"]


def test_delete_names_the_scripts_and_wants_the_name_typed(hosted: Hosted, site: str, secrets: Tab) -> None:
    hosted.add(site, "api-key", "x")
    uses = {
        "asks": 'if (HasSecret("api-key")) Log("yes");',
        "headers": 'new HttpCli().HeaderFromSecret("Authorization", "Bearer {api-key}");',
        "pay": 'var key = GetSecret("api-key");',
        "transfer": 'cli.Options.PasswordFromSecret = "api-key";',
        "wants": 'RequireSecret("api-key");',
    }
    for name, code in uses.items():
        hosted.push(site, name, code)
    hosted.push(site, "of-another", 'GetSecret("other");')
    hosted.push(site, "anything", "GetSecret(Params[0]);")
    secrets.go(f"/sites/{site}/secrets")
    secrets.button("Delete: api-key").click()
    dialog = secrets.dialog("Delete api-key?")
    expect(dialog.get_by_role("list", name="These scripts use it:").get_by_role("listitem")).to_have_text(list(uses))
    expect(dialog.get_by_role("list", name="May use any secret")).to_have_text("anything")
    expect(secrets.button("DELETE")).to_be_disabled()
    typed = dialog.get_by_role("textbox")
    typed.fill("API-KEY")
    expect(secrets.button("DELETE")).to_be_disabled()
    typed.fill("api-key")
    secrets.button("DELETE").click()
    secrets.heading("No secrets yet").wait_for()
    assert hosted.run(site, 'Log(GetSecret("api-key") == "");')[-1] == "true"


def test_delete_of_what_no_script_uses_only_asks(hosted: Hosted, site: str, secrets: Tab) -> None:
    hosted.add(site, "alone")
    hosted.add(site, "stays")
    secrets.go(f"/sites/{site}/secrets")
    secrets.button("Delete: alone").click()
    dialog = secrets.dialog("Delete alone?")
    expect(dialog).to_contain_text("No script names alone in its code.")
    secrets.button("Cancel").click()
    dialog.wait_for(state="detached")
    secrets.button("Delete: alone").click()
    secrets.button("DELETE").click()
    dialog.wait_for(state="detached")
    expect(secrets.page.get_by_role("rowheader")).to_have_count(1)


def test_a_description_is_changed_without_the_value(hosted: Hosted, site: str, secrets: Tab) -> None:
    hosted.add(site, "api-key", "the value")
    secrets.go(f"/sites/{site}/secrets")
    secrets.button("Edit details: api-key").click()
    assert secrets.page.get_by_label("Value", exact=True).count() == 0
    secrets.label("Description").fill("Payments")
    secrets.button("SAVE").click()
    secrets.dialog("Edit details").wait_for(state="detached")
    expect(secrets.row("api-key")).to_contain_text("Payments")
    assert hosted.run(site, 'Log(GetSecret("api-key") == "the value");') == ["true"]


def test_generate_makes_random_text(hosted: Hosted, site: str, secrets: Tab) -> None:
    add(secrets)
    secrets.label("Name").fill("made")
    dialog = secrets.dialog("Add Secret")
    dialog.get_by_role("button", name="Generate").first.click()
    dialog.get_by_label("Length").fill("40")
    dialog.get_by_role("combobox", name="Made of").click()
    secrets.page.get_by_role("option", name="hexadecimal digits").click()
    dialog.get_by_role("button", name="Generate").last.click()
    first = secrets.label("Value").input_value()
    assert len(first) == 40
    assert set(first) <= set("0123456789abcdef")
    dialog.get_by_role("button", name="Generate").last.click()
    second = secrets.label("Value").input_value()
    assert first != second
    secrets.button("SAVE").click()
    secrets.row("made").wait_for()
    assert hosted.run(site, f'Log(GetSecret("made") == "{second}");') == ["true"]


def test_generate_makes_an_age_key_and_shows_its_public_half(secrets: Tab) -> None:
    add(secrets)
    dialog = secrets.dialog("Add Secret")
    dialog.get_by_role("button", name="Generate").first.click()
    dialog.get_by_label("age key").check()
    dialog.get_by_role("button", name="Generate").last.click()
    public = dialog.get_by_role("status").locator("code")
    expect(public).to_contain_text("age1")
    assert secrets.label("Value").input_value().startswith("AGE-SECRET-KEY-1")
    assert "AGE-SECRET-KEY" not in secrets.page.content()
    secrets.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    secrets.button("Copy").click()
    secrets.button("Copied").wait_for()
    assert secrets.page.evaluate("navigator.clipboard.readText()") == public.inner_text()


def test_a_key_is_pasted_as_it_stands(hosted: Hosted, site: str, secrets: Tab) -> None:
    add(secrets)
    secrets.label("Name").fill("pasted")
    secrets.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    secrets.page.evaluate("text => navigator.clipboard.writeText(text)", PEM)
    secrets.label("Value").focus()
    secrets.page.keyboard.press("Control+V")
    expect(secrets.label("Value")).to_have_value(PEM)
    secrets.button("SAVE").click()
    secrets.row("pasted").wait_for()
    assert hosted.run(site, f"Log(GetSecret('pasted') == {PEM!r});") == ["true"]


def drag(opened: Tab, kind: str, files: list[Path]) -> None:
    """Do as the desktop does when somebody drags files over the field, through the browser's own protocol."""
    box = opened.label("Value").bounding_box()
    assert box is not None
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    session = opened.page.context.new_cdp_session(opened.page)
    session.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})
    session.detach()


def test_a_text_file_is_dropped_on_the_field(secrets: Tab, tmp_path: Path) -> None:
    key, other, binary = (tmp_path / name for name in ("key.pem", "other.txt", "key.der"))
    key.write_text(PEM)
    other.write_text("other")
    binary.write_bytes(b"\x30\x82\x00\xff")
    add(secrets)
    value = secrets.label("Value")
    for files, said in (([key, other], "Drop one file"), ([binary], "not UTF-8 text")):
        drag(secrets, "dragEnter", files)
        drag(secrets, "dragOver", files)
        expect(secrets.page.get_by_text("Drop a text file here", exact=True)).to_be_visible()
        drag(secrets, "drop", files)
        expect(secrets.dialog("Add Secret")).to_contain_text(said)
        expect(value).to_have_value("")
    drag(secrets, "dragEnter", [key])
    drag(secrets, "dragOver", [key])
    drag(secrets, "drop", [key])
    expect(value).to_have_value(PEM)
    expect(secrets.page.get_by_text("Drop a text file here", exact=True)).to_have_count(0)
    assert "KEY-----" not in secrets.page.content()


def test_a_text_file_is_chosen(secrets: Tab, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(PEM)
    add(secrets)
    with secrets.page.expect_file_chooser() as chooser:
        secrets.button("From file").click()
    chooser.value.set_files(file)
    expect(secrets.label("Value")).to_have_value(PEM)


@pytest.mark.parametrize(
    "contents",
    ["# mine\nexport NEW=first\nOLD='second one'\nwrong line\n", '{"NEW": "first", "OLD": "second one", "": "x"}'],
)
def test_import_shows_each_row_before_it_writes(hosted: Hosted, site: str, secrets: Tab, contents: str) -> None:
    hosted.add(site, "OLD", "as it was")
    secrets.go(f"/sites/{site}/secrets")
    secrets.button("Import").click()
    dialog = secrets.dialog("Import secrets")
    secrets.label("Contents").fill(contents)
    secrets.button("Preview").click()
    rows = dialog.get_by_role("row")
    expect(rows.filter(has_text="NEW")).to_contain_text("New")
    expect(rows.filter(has_text="OLD")).to_contain_text("Exists, skipped")
    expect(rows.filter(has_text="Cannot be imported")).to_have_count(1)
    assert not [one for one in secrets.requests if one.method == "POST" and one.url.endswith("/secrets")]
    dialog.get_by_role("checkbox").check()
    secrets.button("IMPORT 2").click()
    expect(dialog.get_by_text("Saved", exact=True)).to_have_count(2)
    secrets.button("Close").last.click()
    secrets.row("NEW").wait_for()
    code = 'Log(GetSecret("NEW") == "first", GetSecret("OLD") == "second one");'
    assert hosted.run(site, code) == ["true true"]
