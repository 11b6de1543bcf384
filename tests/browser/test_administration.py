"""Sites and their settings, admins and their permissions."""

import pytest
from playwright.sync_api import Browser, expect

from real_browser import Hosted, Tab, tab


def test_a_site_is_made_and_seen_only_when_it_is_granted(hosted: Hosted, site: str, opened: Tab) -> None:
    name = f"{site}-made"
    page = opened.go("/sites")
    opened.button("Add site").click()
    opened.label("Name").fill(name)
    opened.button("Add site").last.click()
    page.get_by_text(f"Made the site {name}.").wait_for()
    opened.go(f"/sites/{name}/secrets")
    expect(page.get_by_text(f"You may not see the secrets of {name}.")).to_be_visible()


def test_an_admin_is_invited_and_warned_about(hosted: Hosted, site: str, opened: Tab) -> None:
    name = f"{site}-admin"
    page = opened.go("/admins")
    opened.button("Add admin").click()
    opened.label("Name").fill(name)
    warning = opened.dialog("Add admin").get_by_role("status")
    assert warning.count() == 0
    page.get_by_role("checkbox", name=f"scripts:edit in {site}", exact=True).check()
    expect(warning).to_contain_text("read every secret")
    opened.button("Add admin").last.click()
    expect(opened.dialog(f"Set-up link for {name}").locator("code")).to_contain_text(f"{hosted.base}/setup#")
    assert opened.violations() == []
    opened.button("I have copied it").click()
    expect(page.get_by_role("listitem").filter(has_text=name)).to_contain_text("Link not used yet")


def test_an_admin_gets_permissions_is_disabled_and_deleted(
    hosted: Hosted, site: str, opened: Tab, browser: Browser
) -> None:
    name = f"{site}-editor"
    cookies = hosted.enter(name, {site: ["secrets:view"]})
    page = opened.go("/admins")
    entry = page.get_by_role("listitem").filter(has_text=name)
    expect(entry).to_contain_text(f"{site}: secrets:view")
    opened.button(f"Permissions of {name}").click()
    dialog = opened.dialog(f"Permissions of {name}")
    dialog.get_by_role("checkbox", name=f"secrets:edit in {site}", exact=True).check()
    opened.button("Save").click()
    expect(entry).to_contain_text("secrets:view secrets:edit")
    with tab(browser, hosted.base, cookies) as other:
        other.expected = {401}
        other.go(f"/sites/{site}/secrets")
        other.add_secret("theirs", "x")
        opened.button(f"More about {name}").click()
        page.get_by_role("menuitem", name="Disable").click()
        opened.button("Disable").click()
        expect(entry).to_contain_text("Disabled")
        other.page.reload()
        other.heading("Sign in").wait_for()
    opened.button(f"More about {name}").click()
    page.get_by_role("menuitem", name="Delete").click()
    opened.button("Delete").click()
    expect(entry).to_have_count(0)


def test_settings_of_a_site_are_saved(hosted: Hosted, site: str, opened: Tab) -> None:
    def settings() -> dict[str, object]:
        return dict(hosted.call("GET", f"/sites/{site}")["settings"])

    before = settings()
    opened.expected = {422}
    page = opened.go("/sites")
    opened.button(f"Settings of {site}").click()
    memory = opened.label("Memory of a run")
    allowed, refused = (page.get_by_role("combobox", name=name) for name in ("Hosts allowed", "Hosts refused"))
    memory.fill("lots")
    opened.button("Save").click()
    expect(memory).to_have_attribute("aria-invalid", "true")
    expect(memory).to_be_focused()
    assert settings() == before
    memory.fill("64MiB")
    allowed.fill("127.0.0.1")
    page.keyboard.press("Enter")
    # What was typed and not ended with Enter counts too.
    refused.fill("198.51.100.0/24")
    opened.label("Mail server").fill("mail.example.com")
    opened.label("Encryption").select_option("TLS from the start")
    opened.label("Port").fill("2465")
    opened.button("Save").click()
    page.get_by_text(f"Changed the settings of {site}.").wait_for()
    changed = {"memory": 64 * 2**20, "egress_allow": ["127.0.0.1"], "egress_deny": ["198.51.100.0/24"]}
    changed |= {"smtp_host": "mail.example.com", "smtp_port": 2465, "smtp_tls": "implicit"}
    assert settings() == before | changed
    page.reload()
    opened.button(f"Settings of {site}").click()
    expect(memory).to_have_value("64MiB")
    expect(opened.label("Port")).to_have_value("2465")
    dialog = opened.dialog(f"Settings of {site}")
    for host in ("127.0.0.1", "198.51.100.0/24"):
        expect(dialog.get_by_text(host, exact=True)).to_be_visible()
    # An emptied field goes back to what it was at first.
    memory.fill("")
    opened.button("Save").click()
    dialog.wait_for(state="detached")
    assert settings() == before | changed | {"memory": before["memory"]}


@pytest.mark.parametrize("permission", ["settings:view", "secrets:view"])
def test_settings_are_shown_to_who_may_see_them(hosted: Hosted, browser: Browser, site: str, permission: str) -> None:
    with tab(browser, hosted.base, hosted.enter(f"{site}-viewer", {site: [permission]})) as opened:
        page = opened.go("/sites")
        page.get_by_role("listitem").filter(has_text=site).wait_for()
        button = opened.button(f"Settings of {site}")
        assert button.count() == (permission == "settings:view")
        if button.count():
            button.click()
            assert not opened.label("Memory of a run").is_editable()
            assert opened.button("Save").count() == 0
            opened.button("Close").last.click()
