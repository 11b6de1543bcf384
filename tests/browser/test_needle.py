"""A value that was typed: in no request, no storage, no element and no memory of the page, and yet exactly in the script."""

import base64
import json
import secrets as randomness
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from real_browser import ELSEWHERE, Hosted, Tab, tab

STORED = """async () => JSON.stringify([
    {...localStorage}, {...sessionStorage}, history.state, document.cookie, location.href, document.title, window.name,
    await indexedDB.databases(), globalThis.caches ? await caches.keys() : [],
])"""
SHOWN = """() => [...document.querySelectorAll('*')].map(one => [
    ...[...one.attributes].map(attribute => attribute.value), one.value, one.defaultValue, one.textContent,
]).join('\\n') + document.documentElement.outerHTML"""


def forms(needle: str) -> list[str]:
    """How a value could be spelt on its way."""
    raw = needle.encode()
    shifted = [base64.b64encode(b"\0" * start + raw).decode()[4:-4] for start in range(3)]
    return [needle, quote(needle), json.dumps(needle)[1:-1], raw.hex(), needle[::-1], *shifted]


def found(needle: str, text: str) -> list[str]:
    return [form for form in forms(needle) if form in text]


def memory(opened: Tab) -> str:
    """Every string that the page's scripts still reach, from a snapshot of the heap."""
    session = opened.page.context.new_cdp_session(opened.page)
    chunks: list[str] = []
    session.on("HeapProfiler.addHeapSnapshotChunk", lambda event: chunks.append(event["chunk"]))
    session.send("HeapProfiler.collectGarbage")
    session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    session.detach()
    return "\n".join(json.loads("".join(chunks))["strings"])


def nowhere(opened: Tab, needle: str) -> None:
    assert found(needle, opened.sent) == []
    assert found(needle, opened.page.evaluate(STORED)) == []
    assert found(needle, opened.page.evaluate(SHOWN)) == []
    assert found(needle, json.dumps(opened.page.context.storage_state())) == []
    assert needle not in memory(opened)


def type_and_save(opened: Tab, needle: str, verb: str) -> None:
    """Type as a keyboard does: the test itself puts nothing into the page's memory."""
    value = opened.label("Value")
    value.focus()
    opened.page.keyboard.insert_text(needle)
    # Masked or not, it is in no attribute and no text.
    assert needle not in opened.page.content()
    opened.button("Show value").click()
    assert needle not in opened.page.content()
    opened.button(verb).click()
    opened.page.get_by_role("dialog").wait_for(state="detached")


@pytest.fixture(params=["webcrypto", "plain-http"])
def somewhere(request: pytest.FixtureRequest, hosted: Hosted, site: str):
    """The Secrets page of a browser that has WebCrypto, and of one that withholds it as on plain http."""
    base = hosted.base if request.param == "webcrypto" else hosted.base.replace("127.0.0.1", ELSEWHERE)
    with tab(hosted.browser, base) as opened:
        opened.go(f"/sites/{site}/secrets")
        opened.sign_in("anna")
        opened.heading("Secrets").wait_for()
        assert opened.page.evaluate("crypto.subtle !== undefined") == (request.param == "webcrypto")
        yield opened


def test_a_needle_is_in_the_script_alone(hosted: Hosted, site: str, somewhere: Tab) -> None:
    first, second = (f"needle-{randomness.token_hex(12)} \U0001f511 'x'" for _ in range(2))
    opened = somewhere
    opened.button("Add Secret").first.click()
    opened.label("Name").fill("api-key")
    type_and_save(opened, first, "SAVE")
    opened.row("api-key").wait_for()
    nowhere(opened, first)
    # It went, sealed, by this page.
    [sent] = [one for one in opened.requests if one.method == "POST" and one.url.endswith("/secrets")]
    assert sorted(sent.post_data_json) == ["description", "epoch", "expires_ms", "name", "revision", "sealed"]
    assert hosted.run(site, f'Log(GetSecret("api-key") == {json.dumps(first)});') == ["true"]
    # Chromium does all of it itself where it may, and bundled code elsewhere.
    assert any("/noble-" in one.url for one in opened.requests) == (ELSEWHERE in opened.base)

    opened.button("Update value: api-key").click()
    type_and_save(opened, second, "UPDATE")
    nowhere(opened, second)
    assert hosted.run(site, f'Log(GetSecret("api-key") == {json.dumps(second)});') == ["true"]

    # Neither the way back nor a reload brings it again.
    opened.go("/account")
    opened.page.go_back()
    opened.row("api-key").wait_for()
    opened.page.reload()
    opened.row("api-key").wait_for()
    for needle in (first, second):
        nowhere(opened, needle)
        assert needle not in hosted.installation.server_log()


def test_the_searches_of_these_tests_would_find_it(hosted: Hosted, site: str, secrets: Tab) -> None:
    """The control: a needle that is kept, put away and shown."""
    needle = f"needle-{randomness.token_hex(12)}"
    page = secrets.page
    secrets.button("Add Secret").first.click()
    secrets.label("Value").fill(needle)
    assert found(needle, page.evaluate(SHOWN))
    page.evaluate("needle => { window.kept = [needle]; localStorage.setItem('x', needle) }", needle)
    assert found(needle, page.evaluate(STORED))
    assert needle in memory(secrets)
    page.evaluate("needle => fetch('/api/v1/session?q=' + btoa('.' + needle))", needle)
    assert found(needle, secrets.sent)


def test_cancelling_leaves_nothing(secrets: Tab) -> None:
    needle = f"needle-{randomness.token_hex(12)}"
    secrets.button("Add Secret").first.click()
    secrets.label("Value").focus()
    secrets.page.keyboard.insert_text(needle)
    secrets.page.keyboard.press("Escape")
    secrets.page.get_by_role("dialog").wait_for(state="detached")
    nowhere(secrets, needle)
    secrets.button("Add Secret").first.click()
    expect(secrets.label("Value")).to_have_value("")


def test_an_import_leaves_nothing(hosted: Hosted, site: str, secrets: Tab) -> None:
    needle = f"needle-{randomness.token_hex(12)}"
    secrets.button("Import").click()
    secrets.label("Contents").focus()
    secrets.page.keyboard.insert_text(f"KEY={needle}\n")
    secrets.button("Preview").click()
    secrets.button("IMPORT 1").click()
    secrets.page.get_by_text("Saved", exact=True).wait_for()
    secrets.page.keyboard.press("Escape")
    secrets.row("KEY").wait_for()
    nowhere(secrets, needle)
    assert hosted.run(site, f'Log(GetSecret("KEY") == "{needle}");') == ["true"]


def test_a_keeper_that_changed_stops_the_page(hosted: Hosted, site: str, secrets: Tab) -> None:
    secrets.page.evaluate("localStorage.setItem('nightdrop-keeper', 'another keeper')")
    secrets.button("Add Secret").first.click()
    secrets.label("Name").fill("api-key")
    secrets.label("Value").fill("kept here")
    secrets.button("SAVE").click()
    expect(secrets.page.get_by_role("alert")).to_contain_text("The server's key is not the one this browser knows")
    assert not [one for one in secrets.requests if one.method == "POST"]
    secrets.button("I compared it: trust the new key").click()
    secrets.button("SAVE").click()
    secrets.row("api-key").wait_for()
    assert hosted.run(site, 'Log(GetSecret("api-key") == "kept here");') == ["true"]
