"""The list of secrets as the page asks for it: sorted, paged and searched, in sites of 100 to 1,000,000 secrets.

Baseline of the same run: the smallest request there is on the same socket, one site by its name.

Run with: python bench/list_secrets.py [COUNT ...]
"""

import sqlite3
import statistics
import sys
from pathlib import Path

from measure import client, report, running, timed
from nightdrop.core.ids import new_id
from nightdrop.secrets.names import fold, search_text

TIMES = 100
COUNTS = (100, 10_000, 100_000, 1_000_000)
ROW = (
    "INSERT INTO secrets (id, site_id, name, name_key, search, description, created_ms, updated_ms, updated_by,"
    " last_used_ms, health, revision, epoch, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'bench', ?, 'ok', 1, 1, ?)"
)
# As large as a sealed value of up to 250 bytes.
SEALED = bytes(1403)
WORDS = ("mail", "bank", "sftp", "backup", "billing", "partner", "warehouse", "invoice")


def fill(app_db: Path, site: str, start: int, stop: int) -> None:
    """Put rows behind the server's back: a million writes through it would take hours."""

    def row(number: int) -> tuple[object, ...]:
        name = f"{WORDS[number % len(WORDS)]}-key-{number * 7919 % 1_000_003}"
        description = f"for the {WORDS[number // 8 % len(WORDS)]} of customer {number}"
        at = 1_700_000_000_000 + number
        return (new_id("sec"), site, name, fold(name), search_text(name, description), description, at, at, at, SEALED)

    connection = sqlite3.connect(app_db)
    with connection:
        connection.executemany(ROW, map(row, range(start, stop)))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def main() -> None:
    counts = [int(word) for word in sys.argv[1:]] or list(COUNTS)
    with running() as installation, client(installation) as api:
        site = api.get("/sites/default")["id"]
        path = "/sites/default/secrets"
        filled = 0
        for count in counts:
            fill(installation.home / "data" / "app.db", site, filled, count)
            filled = count
            floor = timed(lambda: api.get("/sites/default"), TIMES)
            baseline = statistics.median(floor)
            report(f"{count:>9}: one site (baseline)", floor)
            last = api.get(path, sort="-updated", limit=50)["next"]
            questions = {
                "first page by name": {"sort": "name"},
                "second page, newest first": {"sort": "-updated", "cursor": last},
                "search, many match": {"q": "bank", "sort": "name"},
                "search, one matches": {"q": f"customer {count - 1}", "sort": "-used"},
                "search, none matches": {"q": "no such thing", "sort": "name"},
            }
            for name, query in questions.items():
                taken = timed(lambda query=query: api.get(path, limit=50, **query), TIMES)
                report(f"{count:>9}: {name}", taken, baseline=baseline)


if __name__ == "__main__":
    main()
