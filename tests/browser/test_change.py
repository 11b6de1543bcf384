"""Adding, updating, describing, deleting, generating and importing, with the labels of the manual."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from real_browser import Hosted, Tab

MASK = "element => getComputedStyle(element).webkitTextSecurity"
PEM = "-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n"


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
    hosted.push(site, "pay", 'var key = GetSecret("api-key");')
    hosted.push(site, "anything", "GetSecret(Params[0]);")
    secrets.go(f"/sites/{site}/secrets")
    secrets.button("Delete: api-key").click()
    dialog = secrets.dialog("Delete api-key?")
    expect(dialog.get_by_role("list", name="This script uses it:")).to_have_text("pay")
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
    expect(secrets.row("api-key").get_by_role("cell").first).to_have_text("Payments")
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


def test_a_text_file_is_chosen_or_dropped(secrets: Tab, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(PEM)
    add(secrets)
    with secrets.page.expect_file_chooser() as chooser:
        secrets.button("From file").click()
    chooser.value.set_files(file)
    expect(secrets.label("Value")).to_have_value(PEM)
    secrets.label("Value").evaluate(
        """(area) => {
            const data = new DataTransfer()
            data.items.add(new File(['dropped'], 'a.txt', {type: 'text/plain'}))
            for (const type of ['dragover', 'drop'])
                area.parentElement.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: data}))
        }"""
    )
    expect(secrets.label("Value")).to_have_value("dropped")


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
