"""The page of a run in Chromium while its script writes 10,000 lines a second: the time from one frame to the next.

Baseline of the same run: the same page while a script writes ten lines a second. A page that freezes draws no frames.
Run with: python bench/live_log_page.py [LINES_A_SECOND ...]
"""

import statistics
import sys

from measure import running
from real_browser import Hosted, Tab, chromium, tab

SECONDS = 6
RATES = (10, 10_000)
# Lines are written ten times a second, in equal parts.
CODE = """
for (let part = 0; part < {parts}; part++) {{
  const next = Date.now() + 100;
  for (let i = 0; i < {lines}; i++) Log("line " + i + " of part " + part + " of a log that somebody looks at");
  Sleep(Math.max(0, next - Date.now()));
}}
"""
RECORD = """() => {
    window.gaps = []
    let before = performance.now()
    const frame = (now) => { window.gaps.push(now - before); before = now; requestAnimationFrame(frame) }
    requestAnimationFrame(frame)
}"""


def gaps(hosted: Hosted, opened: Tab, rate: int) -> list[float]:
    code = CODE.format(parts=SECONDS * 10, lines=rate // 10)
    run = hosted.call("POST", "/sites/default/runs", {"code": code, "name": "writes.js"})["id"]
    page = opened.go(f"/sites/default/runs/{run}")
    page.get_by_role("log", name="Log").get_by_text("of part 2 ").first.wait_for()
    page.evaluate(RECORD)
    page.get_by_text("Succeeded", exact=True).wait_for(timeout=120_000)
    page.get_by_text(f"{SECONDS * rate:,} lines").wait_for(timeout=120_000)
    # The first follow the record's own start.
    return list(page.evaluate("window.gaps"))[2:]


def main() -> None:
    rates = [int(word) for word in sys.argv[1:]] or list(RATES)
    with running() as installation, chromium() as browser:
        hosted = Hosted.set_up(installation, browser)
        hosted.call("PATCH", "/sites/default", {"settings": {"log": "64MiB"}})
        floor = 0.0
        with tab(hosted.browser, hosted.base, hosted.cookies) as opened:
            for rate in rates:
                taken = sorted(gaps(hosted, opened, rate))
                middle, worst = statistics.median(taken), taken[-1]
                floor = floor or middle
                p99 = taken[int(len(taken) * 0.99)]
                print(
                    f"{rate:>7,} lines a second: frame after p50 {middle:6.1f} ms   p99 {p99:6.1f} ms   longest {worst:6.1f} ms"
                    f"   x{middle / floor:.2f} of the baseline, {len(taken)} frames"
                )


if __name__ == "__main__":
    main()
