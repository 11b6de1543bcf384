"""Writing scripts: the list, the editor, its marks, and passwords that are taken out of the code."""

from typing import Any

import pytest
from playwright.sync_api import expect

from real_browser import Hosted, Tab

from .conftest import signed_in

KEY = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
WITH_KEY = f'{{\n  const apiKey = "{KEY}";\n  Log(apiKey.length);\n}}\n'


@pytest.fixture
def scripts(opened: Tab, site: str) -> Tab:
    """The Scripts page of a fresh site."""
    opened.go(f"/sites/{site}/scripts")
    opened.heading("Scripts").wait_for()
    return opened


def open_script(opened: Tab, hosted: Hosted, site: str, name: str, code: str) -> Any:
    """Store a script and open it; returns what is typed into."""
    made = hosted.call("POST", f"/sites/{site}/scripts", {"name": name, "code": code})
    opened.go(f"/sites/{site}/scripts/{made['id']}")
    return editor(opened, name)


def editor(opened: Tab, name: str) -> Any:
    found = opened.page.get_by_role("textbox", name=f"Code of {name}")
    found.wait_for()
    return found


def write(opened: Tab, place: Any, code: str) -> None:
    """Put code in the place of what is in the editor."""
    place.click()
    opened.page.keyboard.press("Control+a")
    # Over a selection, Chromium gives what is typed a style attribute, which the policy refuses with a message.
    opened.page.keyboard.press("Delete")
    opened.page.keyboard.insert_text(code)


def code_of(hosted: Hosted, site: str, name: str) -> dict[str, Any]:
    [found] = hosted.call("GET", f"/sites/{site}/scripts?name={name}")["items"]
    return dict(hosted.call("GET", f"/sites/{site}/scripts/{found['id']}"))


def test_a_new_user_moves_a_pasted_key_schedules_the_script_and_reads_its_log(
    hosted: Hosted, site: str, scripts: Tab
) -> None:
    page = scripts.page
    scripts.button("Write the first one").click()
    scripts.label("Name").fill("charge")
    scripts.button("CREATE").click()
    write(scripts, editor(scripts, "charge"), WITH_KEY)
    expect(page.get_by_role("alert")).to_contain_text("A password or key stands in this script")
    # It was saved before anybody thought of it.
    scripts.button("Save").click()
    expect(page.get_by_text("Version 2,")).to_be_visible()
    scripts.button("Move to Secrets: line 2").click()
    expect(page.get_by_text("Moved to the secret api-key.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    stored = code_of(hosted, site, "charge")
    assert stored["code"] == WITH_KEY.replace(f'"{KEY}"', 'GetSecret("api-key")')
    for version in range(1, stored["version"] + 1):
        assert KEY not in hosted.call("GET", f"/sites/{site}/scripts/{stored['id']}/versions/{version}")["code"]
    # To take the last step back does not bring it back, and it is not in what was sent to make the secret.
    editor(scripts, "charge").click()
    page.keyboard.press("Control+z")
    assert KEY not in page.content()
    [made] = [one for one in scripts.requests if one.method == "POST" and one.url.endswith("/secrets")]
    assert KEY not in (made.post_data or "")

    page.get_by_role("tab", name="Triggers").click()
    scripts.button("Add trigger").click()
    page.get_by_role("combobox", name="Often used").click()
    page.get_by_role("option", name="Every minute").click()
    expect(page.get_by_role("status", name="Next times").get_by_role("listitem")).to_have_count(5)
    # Six fields: the first one is the second, and nobody has to wait for the next minute.
    scripts.label("Cron expression").fill("* * * * * *")
    expect(page.get_by_role("status", name="Next times").get_by_role("listitem")).to_have_count(5)
    scripts.button("SAVE").click()
    expect(page.get_by_role("list").filter(has_text="* * * * *")).to_contain_text("Next")
    page.get_by_role("tab", name="Log").click()
    log = page.get_by_role("log", name="Log")
    expect(log).to_contain_text(str(len(KEY)))


def test_the_list_is_searched_sorted_cloned_described_and_deleted(hosted: Hosted, site: str, scripts: Tab) -> None:
    page = scripts.page
    for name in ("alpha", "beta"):
        hosted.push(site, name, 'Log("x");')
    run = hosted.call("POST", f"/sites/{site}/runs?wait=60", {"script": "beta"})
    page.reload()
    rows = page.get_by_role("rowheader")
    expect(rows).to_have_text(["alpha", "beta"])
    expect(scripts.row("beta")).to_contain_text("Succeeded")
    expect(scripts.row("alpha")).to_contain_text("Never")
    page.get_by_role("combobox", name="Sort by").click()
    page.get_by_role("option", name="Ran last").click()
    expect(rows).to_have_text(["beta", "alpha"])
    page.get_by_role("searchbox").fill("alp")
    expect(rows).to_have_text(["alpha"])
    page.get_by_role("searchbox").fill("")
    scripts.button("Clone: alpha").click()
    scripts.heading("alpha copy").wait_for()
    page.get_by_role("link", name="Scripts").first.click()
    scripts.button("Edit details: alpha copy").click()
    scripts.label("Name").fill("beta")
    scripts.expected = {409}
    scripts.button("SAVE").click()
    expect(scripts.label("Name")).to_have_attribute("aria-invalid", "true")
    scripts.label("Name").fill("gamma")
    scripts.label("Description").fill("The third")
    scripts.button("SAVE").click()
    expect(scripts.row("gamma")).to_contain_text("The third")
    trigger = {"script": "gamma", "settings": {"kind": "schedule", "cron": "0 3 * * *"}}
    hosted.call("POST", f"/sites/{site}/triggers", trigger)
    scripts.button("Delete: gamma").click()
    dialog = scripts.dialog("Delete gamma?")
    expect(dialog.get_by_role("listitem")).to_have_text(["0 3 * * *, UTC"])
    scripts.button("DELETE").click()
    dialog.wait_for(state="detached")
    expect(scripts.row("gamma")).to_have_count(0)
    scripts.row("beta").get_by_role("link", name="Succeeded").click()
    page.wait_for_url(f"**/runs/{run['id']}")


def test_files_become_scripts(hosted: Hosted, site: str, scripts: Tab) -> None:
    files = [
        {"name": f"{name}.js", "mimeType": "text/javascript", "buffer": f'Log("{name}");'.encode()}
        for name in ("one", "two")
    ]
    scripts.page.get_by_label("Script files").set_input_files(files)  # type: ignore[arg-type]
    scripts.button("IMPORT").click()
    expect(scripts.page.get_by_role("rowheader")).to_have_text(["one", "two"])
    assert code_of(hosted, site, "two")["code"] == 'Log("two");'


def test_the_editor_completes_names_and_says_what_they_are(hosted: Hosted, site: str, opened: Tab) -> None:
    for name in ("mail-password", "mail-user", "other"):
        hosted.add(site, name)
    place = open_script(opened, hosted, site, "hints", ";")
    page = opened.page
    options = page.get_by_role("listbox").get_by_role("option")
    write(opened, place, "GetSe")
    page.keyboard.type("c")
    expect(options.first).to_contain_text("GetSecret")
    expect(page.locator(".cm-completionInfo")).to_contain_text("Returns the value of a secret")
    options.first.click()
    page.keyboard.type('("mail')
    expect(options).to_have_count(2)
    expect(options.first).to_contain_text("mail-password")
    options.first.click()
    expect(place).to_contain_text('GetSecret("mail-password")')
    write(opened, place, "var cli = new SftpClient();\ncli.Conn")
    page.keyboard.type("e")
    expect(options.first).to_contain_text("Connect")
    page.keyboard.press("Escape")
    write(opened, place, "HasSecret(1);")
    page.get_by_text("HasSecret", exact=True).hover()
    expect(page.locator(".cm-described")).to_contain_text("without reading it")


def test_the_editor_marks_what_is_wrong(hosted: Hosted, site: str, opened: Tab) -> None:
    hosted.add(site, "there")
    place = open_script(opened, hosted, site, "wrong", ";")
    page = opened.page
    write(opened, place, 'GetSecret("there"); GetSecret("gone");')
    mark = page.locator(".cm-lintRange-warning")
    expect(mark).to_have_text('"gone"')
    mark.hover()
    expect(page.locator(".cm-diagnostic")).to_contain_text("This site has no secret of the name gone.")
    write(opened, place, "var = 1;")
    expect(page.locator(".cm-lintRange-error")).to_have_count(1)
    page.keyboard.press("F8")
    expect(page.locator(".cm-diagnostic-error")).to_contain_text("Unexpected token")


def test_code_is_laid_out_searched_and_downloaded(hosted: Hosted, site: str, opened: Tab) -> None:
    place = open_script(opened, hosted, site, "layout", ";")
    page = opened.page
    write(opened, place, "if(1){Log( 'a' )}")
    page.keyboard.press("Shift+Alt+f")
    expect(place.locator(".cm-line").nth(1)).to_have_text('  Log("a");')
    page.keyboard.press("Control+f")
    page.get_by_placeholder("Find").fill("Log")
    page.get_by_placeholder("Replace").fill("LogWarn")
    page.get_by_role("button", name="replace all").click()
    expect(place).to_contain_text("LogWarn")
    opened.button("More").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Download").click()
    assert download.value.suggested_filename == "layout.js"
    assert "LogWarn" in download.value.path().read_text()


def test_what_was_typed_survives_going_elsewhere(hosted: Hosted, site: str, opened: Tab) -> None:
    place = open_script(opened, hosted, site, "draft", 'Log("stored");')
    write(opened, place, 'Log("typed");')
    expect(opened.page.get_by_text("Not saved")).to_be_visible()
    opened.page.get_by_role("link", name="Secrets").click()
    opened.heading("Secrets").wait_for()
    opened.page.go_back()
    expect(editor(opened, "draft")).to_contain_text("typed")
    opened.page.keyboard.press("Control+s")
    expect(opened.page.get_by_text("Version 2,")).to_be_visible()
    expect(opened.page.get_by_text("Not saved")).to_have_count(0)
    assert code_of(hosted, site, "draft")["code"] == 'Log("typed");'


@pytest.mark.parametrize("choice", ["Take theirs", "Save mine over it"])
def test_who_saves_second_is_shown_both(hosted: Hosted, site: str, opened: Tab, choice: str) -> None:
    place = open_script(opened, hosted, site, "shared", 'Log("begin");')
    stored = code_of(hosted, site, "shared")
    hosted.call("PUT", f"/sites/{site}/scripts/{stored['id']}", {"code": 'Log("theirs");'})
    write(opened, place, 'Log("mine");')
    opened.expected = {412}
    opened.button("Save").click()
    dialog = opened.dialog("Somebody else has saved this script")
    expect(dialog).to_contain_text("anna stored version 2")
    expect(dialog.get_by_role("textbox", name="Stored meanwhile")).to_contain_text("theirs")
    expect(dialog.get_by_role("textbox", name="Yours")).to_contain_text("mine")
    opened.button(choice).click()
    dialog.wait_for(state="detached")
    expect(opened.page.get_by_text("Not saved")).to_have_count(0)
    kept = "mine" if choice == "Save mine over it" else "theirs"
    expect(place).to_contain_text(kept)
    assert code_of(hosted, site, "shared")["code"] == f'Log("{kept}");'


def test_versions_are_compared_and_restored(hosted: Hosted, site: str, opened: Tab) -> None:
    made = hosted.call("POST", f"/sites/{site}/scripts", {"name": "history", "code": 'Log("one");'})
    for word in ("two", "three"):
        hosted.call("PUT", f"/sites/{site}/scripts/{made['id']}", {"code": f'Log("{word}");'})
    page = opened.go(f"/sites/{site}/scripts/{made['id']}")
    page.get_by_role("tab", name="Versions").click()
    shown = page.get_by_role("textbox", name="Version 3")
    expect(shown).to_contain_text("two")
    expect(shown).to_contain_text("three")
    page.get_by_role("combobox", name="From version").click()
    page.get_by_role("option", name="1: ").click()
    expect(shown).to_contain_text("one")
    opened.button("Restore version 1").click()
    opened.button("RESTORE").click()
    expect(editor(opened, "history")).to_contain_text("one")
    expect(page.get_by_text("Version 4,")).to_be_visible()
    assert code_of(hosted, site, "history")["code"] == 'Log("one");'


def test_the_secrets_of_a_script_and_the_report_of_the_site(hosted: Hosted, site: str, opened: Tab) -> None:
    hosted.add(site, "there")
    open_script(opened, hosted, site, "uses", 'GetSecret("there"); GetSecret("gone");')
    page = opened.page
    page.get_by_role("tab", name="Secrets").click()
    expect(page.get_by_role("listitem").filter(has_text="gone")).to_contain_text("Missing")
    expect(page.get_by_role("listitem").filter(has_text="there")).not_to_contain_text("Missing")
    hosted.push(site, "leaking", WITH_KEY)
    opened.go(f"/sites/{site}/scripts")
    expect(page.get_by_role("note")).to_contain_text("A script has what looks like a password")
    opened.button("Show where").click()
    report = opened.dialog("Passwords and keys in scripts")
    expect(report).to_contain_text("Line 2")
    assert KEY not in page.content()
    report.get_by_role("link", name="leaking").click()
    editor(opened, "leaking")


def test_a_name_that_is_taken_gets_a_number(hosted: Hosted, site: str, opened: Tab) -> None:
    hosted.add(site, "api-key", "another")
    opened.expected = {409}
    open_script(opened, hosted, site, "taken", WITH_KEY)
    opened.button("Move to Secrets: line 2").click()
    expect(opened.page.get_by_text("Moved to the secret api-key-2.")).to_be_visible()
    assert hosted.run(site, f'Log(GetSecret("api-key-2") == "{KEY}", GetSecret("api-key") == "another");') == [
        "true true"
    ]


def test_who_may_only_look_can_change_nothing(hosted: Hosted, site: str) -> None:
    made = hosted.call("POST", f"/sites/{site}/scripts", {"name": "theirs", "code": WITH_KEY})
    cookies = hosted.enter("viewer", {site: ["scripts:view"]})
    with signed_in(hosted) as opened:
        opened.page.context.clear_cookies()
        opened.page.context.add_cookies(cookies)
        opened.go(f"/sites/{site}/scripts")
        opened.row("theirs").wait_for()
        assert opened.button("New script").count() == 0
        opened.go(f"/sites/{site}/scripts/{made['id']}")
        place = editor(opened, "theirs")
        expect(opened.page.get_by_role("alert")).to_contain_text("Line 2")
        place.click()
        opened.page.keyboard.type("x")
        expect(place).not_to_contain_text("xx")
        for name in ("Save", "Run", "Move to Secrets: line 2"):
            assert opened.button(name).count() == 0
        opened.go(f"/sites/{site}/runs")
        expect(opened.page.get_by_role("main")).to_contain_text("You may not see the runs of")


def test_a_script_of_five_thousand_lines(hosted: Hosted, site: str, opened: Tab) -> None:
    lines = [f'Log("line {number}", {number} * 2); // {"x" * 20}' for number in range(5000)]
    place = open_script(opened, hosted, site, "long", "\n".join([*lines, 'GetSecret("gone");']))
    page = opened.page
    place.click()
    page.keyboard.press("Control+End")
    expect(page.locator(".cm-lintRange-warning")).to_have_text('"gone"')
    page.keyboard.type("\nvar last = 1;")
    expect(place).to_contain_text("var last = 1;")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Version 2,")).to_be_visible()
    assert code_of(hosted, site, "long")["code"].endswith("\nvar last = 1;")
