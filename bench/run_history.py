"""The history of runs as the page asks for it, in a site of 1,000,000 runs (or as many as asked): pages, filters, the chart.

Baseline of the same run: the smallest request there is on the same socket, one site by its name.

Run with: python bench/run_history.py [COUNT]
"""

import sqlite3
import statistics
import sys
import time
from contextlib import closing
from pathlib import Path

from measure import client, report, running, timed
from nightdrop.cli.client import Client
from nightdrop.core.ids import first_id

TIMES = 60
SCRIPTS, TRIGGERS = 200, 50
STATES = ("succeeded",) * 17 + ("failed", "timed_out", "cancelled")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with running() as installation:
        with client(installation) as api:
            site = api.get("/sites/default")["id"]
        fill(installation.home / "data" / "app.db", site, count)
        with client(installation) as api:
            ask(api, count)


def fill(path: Path, site: str, count: int) -> None:
    """Put runs of the last 60 days into the database, with origins for half of them and the counts of all."""
    now = int(time.time() * 1000)
    step = 60 * 86_400_000 // count
    with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executemany(
            "INSERT INTO scripts (id, site_id, name, created_ms, updated_ms, version) VALUES (?, ?, ?, 1, 1, 1)",
            [(f"scr_{number:026d}", site, f"script {number}") for number in range(SCRIPTS)],
        )
        at = [now - (count - number) * step for number in range(count)]
        # Ids as they would be, but for the last digits, which number them.
        ids = [f"{first_id('run', at[number])[:-10]}{number:010d}" for number in range(count)]
        connection.executemany(
            "INSERT INTO runs (id, site_id, script_id, script_name, version, state, run_at_ms, created_ms, started_ms,"
            " ended_ms, created_by) VALUES (?, ?, ?, 'a script', 1, ?, ?, ?, ?, ?, 'anna')",
            (
                (ids[n], site, f"scr_{n % SCRIPTS:026d}", STATES[n % len(STATES)], at[n], at[n], at[n], at[n] + 50)
                for n in range(count)
            ),
        )
        connection.executemany(
            "INSERT INTO run_origins (run_id, site_id, kind, trigger_id) VALUES (?, ?, 'schedule', ?)",
            ((ids[number], site, f"trg_{number % TRIGGERS:026d}") for number in range(0, count, 2)),
        )
        hours: dict[tuple[int, str], int] = {}
        for number in range(count):
            key = (at[number] // 3_600_000, STATES[number % len(STATES)])
            hours[key] = hours.get(key, 0) + 1
        connection.executemany(
            "INSERT INTO run_hours (site_id, hour, state, runs) VALUES (?, ?, ?, ?)",
            [(site, hour, state, runs) for (hour, state), runs in hours.items()],
        )


def ask(api: Client, count: int) -> None:
    path = "/sites/default/runs"
    floor = timed(lambda: api.get("/sites/default"), TIMES)
    baseline = statistics.median(floor)
    report("one site (baseline)", floor)
    now = int(time.time() * 1000)
    deep = f"{first_id('run', now - 50 * 86_400_000)[:-1]}0"
    questions = {
        "newest page": {},
        "page after five sixths of them": {"cursor": deep},
        "failed": {"state": "failed"},
        "lost, of which there are none": {"state": "lost"},
        "of one script": {"script_id": f"scr_{7:026d}"},
        "failed, of one script": {"script_id": f"scr_{17:026d}", "state": "failed"},
        "of one trigger": {"trigger_id": f"trg_{8:026d}"},
        "since a day": {"since_ms": now - 86_400_000},
    }
    for name, query in questions.items():
        taken = timed(lambda query=query: api.get(path, limit=50, **query), TIMES)
        report(f"{count:,} runs: {name}", taken, baseline=baseline)
    month = {"since_ms": now - 30 * 86_400_000, "hours": 24}
    report(
        f"{count:,} runs: chart of a month", timed(lambda: api.get(f"{path}/counts", **month), TIMES), baseline=baseline
    )


if __name__ == "__main__":
    main()
