"""A real browser for tests: Debian's Chromium, driven by Playwright, and a page that notes what it must not do."""

import base64
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from support import Installation, wait_until

# For every wait of a page: a loaded machine is slow, and a test that waits in vain fails anyway.
TIMEOUT_MS = 1000 * int(os.environ.get("TEST_DEADLINE_S", "30"))
expect.set_options(timeout=TIMEOUT_MS)
EXECUTABLE = "/usr/bin/chromium"
PASSWORD = "correct horse battery staple"
WIDE, PHONE = (1280, 800), (360, 740)
AXE = Path(__file__).parent.parent / "ui" / "node_modules" / "axe-core" / "axe.min.js"
# A name that browsers do not trust as they trust loopback; it leads to loopback without any resolver.
ELSEWHERE = "nightdrop.test"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1, MAP localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser that reaches nothing but loopback."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=FLAGS, timeout=TIMEOUT_MS)
        yield browser
        browser.close()


@dataclass
class Tab:
    """One page in a context of its own, and everything it said, asked and did wrong."""

    page: Page
    base: str
    wrongs: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    # Statuses of refused requests that the test brings about: Chromium writes each to the console.
    expected: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrongs.append(f"uncaught: {error}"))
        self.page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        known = [f"status of {status} " in message.text for status in self.expected]
        if ELSEWHERE in self.base:
            # Chromium takes that header only where it trusts the origin, and says so.
            known.append(message.text.startswith("The Cross-Origin-Opener-Policy header has been ignored"))
        if message.type in {"error", "warning"} and not any(known):
            self.wrongs.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((f"{self.base}/", "data:", "blob:")):
            self.wrongs.append(f"asked elsewhere: {request.url}")

    def go(self, path: str) -> Page:
        self.page.goto(f"{self.base}{path}")
        return self.page

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)

    def label(self, name: str) -> Any:
        return self.page.get_by_label(name, exact=True)

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a field."""
        self.page.get_by_role("combobox", name=label, exact=True).click()
        self.page.get_by_role("option", name=option, exact=True).click()

    def dialog(self, title: str) -> Any:
        return self.page.get_by_role("dialog", name=title)

    def heading(self, name: str) -> Any:
        return self.page.get_by_role("heading", name=name, exact=True)

    def row(self, name: str) -> Any:
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("rowheader").filter(has_text=name))

    @property
    def focused(self) -> str:
        """The accessible name of what has the focus."""
        shown = "document.activeElement.getAttribute('aria-label') || document.activeElement.labels?.[0]?.innerText || document.activeElement.innerText"
        return str(self.page.evaluate(shown)).strip().removesuffix(" *")

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        self.label("Name").fill(name)
        self.page.get_by_role("textbox", name="Password").fill(password)
        self.button("Sign in").click()

    def add_secret(self, name: str, value: str) -> None:
        """Store a secret as a person does."""
        self.button("Add Secret").first.click()
        dialog = self.dialog("Add Secret")
        dialog.get_by_role("textbox", name="Name").fill(name)
        dialog.get_by_label("Value", exact=True).fill(value)
        dialog.get_by_role("button", name="SAVE").click()
        dialog.wait_for(state="detached")

    def show(self, size: tuple[int, int], scheme: str) -> None:
        """Give the page another size and the person another taste."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme=scheme)
        expect(self.page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)

    def violations(self) -> list[str]:
        """What axe finds against the page as it is shown now."""
        # Through the protocol, not as an element: the policy of the page stays as it is.
        if self.page.evaluate("typeof axe") == "undefined":
            self.page.evaluate(AXE.read_text())
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = self.page.evaluate("only => axe.run({runOnly: only, resultTypes: ['violations']})", tags)
        return [
            f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes']]}"
            for one in found["violations"]
        ]

    @property
    def sent(self) -> str:
        """Every address, header and body that the page has sent."""
        return "\n".join(
            f"{request.method} {request.url} {json.dumps(request.headers)} {request.post_data or ''}"
            for request in self.requests
        )


@dataclass
class Hosted:
    """A running server, its first admin, and sites for tests that do not see each other."""

    installation: Installation
    base: str
    browser: Browser
    context: BrowserContext
    admin_id: str
    sites: int = 0

    @classmethod
    def set_up(cls, installation: Installation, browser: Browser) -> "Hosted":
        url = installation.ok("admin", "setup-link").out.strip()
        address, _, token = url.partition("/setup#")
        base = f"http://127.0.0.1:{address.rpartition(':')[2]}"
        context = browser.new_context()
        answer = context.request.post(
            f"{base}/api/v1/setup",
            data={"token": token, "name": "anna", "password": PASSWORD},
            headers={"Origin": base},
            timeout=TIMEOUT_MS,
        )
        assert answer.status == 201, answer.text()
        return cls(installation, base, browser, context, answer.json()["admin"]["id"])

    @property
    def cookies(self) -> list[Any]:
        return list(self.context.cookies())

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API as the first admin."""
        answer = self.context.request.fetch(
            f"{self.base}/api/v1{path}", method=method, data=body, headers={"Origin": self.base}, timeout=TIMEOUT_MS
        )
        text = answer.text()
        assert answer.ok, f"{method} {path}: {text}"
        return json.loads(text or "null")

    def new_site(self, name: str = "") -> str:
        """Make a site with every permission for the first admin, and wait until it has its key."""
        self.sites += 1
        site = self.call("POST", "/sites", {"name": name or f"site-{self.sites}"})
        grants = self.call("GET", f"/admins/{self.admin_id}")["grants"]
        everything = next(iter(grants.values()))
        self.call("PATCH", f"/admins/{self.admin_id}", {"grants": {**grants, site["id"]: everything}})
        wait_until(lambda: self.call("GET", f"/sites/{site['id']}")["ready"], "the site's key")
        return str(site["name"])

    def add(self, site: str, name: str, value: str = "x", **details: Any) -> str:
        """Store a secret without a browser."""
        return str(self.call("POST", f"/sites/{site}/secrets", {"name": name, "value": value, **details})["id"])

    def invite(self, name: str, grants: dict[str, list[str]]) -> str:
        """Make an admin with permissions by site name, and return the path of the set-up link."""
        ids = {self.call("GET", f"/sites/{site}")["id"]: given for site, given in grants.items()}
        return str(self.call("POST", "/admins", {"name": name, "super": False, "grants": ids})["setup_link"]["path"])

    def enter(self, name: str, grants: dict[str, list[str]]) -> list[Any]:
        """Make an admin who has set up, without a browser's page, and return the cookies."""
        token = self.invite(name, grants).partition("#")[2]
        context = self.browser.new_context()
        body = {"token": token, "name": name, "password": PASSWORD}
        answer = context.request.post(
            f"{self.base}/api/v1/setup", data=body, headers={"Origin": self.base}, timeout=TIMEOUT_MS
        )
        assert answer.status == 201, answer.text()
        cookies = list(context.cookies())
        context.close()
        return cookies

    def database(self) -> sqlite3.Connection:
        """Open the database behind the server's back."""
        return sqlite3.connect(self.installation.home / "data" / "app.db", timeout=TIMEOUT_MS / 1000)

    def push(self, site: str, name: str, code: str) -> None:
        self.call("POST", f"/sites/{site}/scripts", {"name": name, "code": code})

    def run(self, site: str, code: str) -> list[str]:
        """Run a script that is not stored, and return its log."""
        run = self.call("POST", f"/sites/{site}/runs?wait=60", {"code": code, "name": "test.js"})
        assert run["state"] == "succeeded", run
        return [line["text"] for line in self.call("GET", f"/runs/{run['id']}/logs")["items"]]

    def spoil(self, site: str, name: str) -> None:
        """Change a sealed value behind the server's back, and let a script meet it."""
        with closing(self.database()) as database, database:
            [(row, sealed)] = database.execute(
                "SELECT secrets.id, sealed FROM secrets JOIN sites ON sites.id = site_id WHERE sites.name = ? AND secrets.name = ?",
                (site, name),
            ).fetchall()
            changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
            database.execute("UPDATE secrets SET sealed = ?, health = 'unchecked' WHERE id = ?", (changed, row))
        assert self.run(site, f'Log(GetSecret("{name}") == "");')[-1] == "true"


@contextmanager
def tab(
    browser: Browser,
    base: str,
    cookies: list[Any] | None = None,
    *,
    size: tuple[int, int] = WIDE,
    scheme: str = "light",
    script: str = "",
) -> Iterator[Tab]:
    """Open a page; at the end it must have done nothing wrong."""
    context: BrowserContext = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
        storage_state={"cookies": cookies or [], "origins": []},
    )
    context.set_default_timeout(TIMEOUT_MS)
    if script:
        context.add_init_script(script)
    opened = Tab(context.new_page(), base)
    try:
        yield opened
        assert not opened.wrongs, "\n".join(opened.wrongs)
    finally:
        context.close()


def code_for(secret: str) -> str:
    """What an authenticator app shows now."""
    raw = base64.b32decode(secret + "=" * (-len(secret) % 8))
    return TOTP(raw, 6, SHA1(), 30).generate(int(time.time())).decode()
