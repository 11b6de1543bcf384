"""The Secrets page in Chromium: until it shows rows and has answered a frame, until a search shows its row, and sealing in the browser.

The ratio is to 100 secrets in the same run; of sealing, to WebCrypto. Run with: python bench/page_100k.py [COUNT ...]
"""

import statistics
import sys
import time
from collections.abc import Callable

from measure import report, running
from real_browser import Hosted, Tab, chromium, tab
from rows import fill

TIMES = 12
WARMUP = 3
COUNTS = (100, 100_000)
# From the key's arrival to the sealed value's departure: checking the keeper's signature, and sealing.
SEALED_MS = """() => {
    const asked = performance.getEntriesByType('resource')
    const key = asked.findLast(one => one.name.includes('/sealing-key'))
    return asked.findLast(one => one.name.endsWith('/secrets')).startTime - key.responseEnd
}"""
NO_WEBCRYPTO = "delete Crypto.prototype.subtle"


def times_of(action: Callable[[int], None]) -> list[float]:
    """How long the action took each time, in milliseconds."""
    taken = []
    for number in range(WARMUP + TIMES):
        start = time.perf_counter_ns()
        action(number)
        taken.append((time.perf_counter_ns() - start) / 1e6)
    return taken[WARMUP:]


def load(opened: Tab) -> Callable[[int], None]:
    def action(_: int) -> None:
        opened.go("/sites/default/secrets")
        opened.page.locator("tbody th").first.wait_for()
        opened.page.evaluate("new Promise(requestAnimationFrame)")

    return action


def search(opened: Tab, count: int) -> Callable[[int], None]:
    def action(number: int) -> None:
        wanted = count - 1 - number
        opened.page.get_by_role("searchbox").fill(f"customer {wanted}")
        opened.row(f"-key-{wanted * 7919 % 1_000_003}").wait_for()

    return action


def sealing(hosted: Hosted, site: str, script: str) -> list[float]:
    with tab(hosted.browser, hosted.base, hosted.cookies, script=script) as opened:
        opened.go(f"/sites/{site}/secrets")
        taken = []
        for number in range(WARMUP + TIMES):
            opened.add_secret(f"key-{len(script)}-{number}", "x" * 250)
            taken.append(float(opened.page.evaluate(SEALED_MS)))
        return taken[WARMUP:]


def main() -> None:
    counts = [int(word) for word in sys.argv[1:]] or list(COUNTS)
    with running() as installation, chromium() as browser:
        hosted = Hosted.set_up(installation, browser)
        other = hosted.new_site()
        native = sealing(hosted, other, "")
        report("check the key and seal, WebCrypto", native)
        report("the same without it", sealing(hosted, other, NO_WEBCRYPTO), baseline=statistics.median(native))
        site = hosted.call("GET", "/sites/default")["id"]
        filled = 0
        baselines: dict[str, float] = {}
        for count in counts:
            fill(installation.home / "data" / "app.db", site, filled, count)
            filled = count
            with tab(browser, hosted.base, hosted.cookies) as opened:
                for name, action in (
                    ("load until rows are shown", load(opened)),
                    ("search, 150 ms of it waiting", search(opened, count)),
                ):
                    taken = times_of(action)
                    report(f"{count:>9}: {name}", taken, baseline=baselines.setdefault(name, statistics.median(taken)))


if __name__ == "__main__":
    main()
