"""The list of secrets as the page asks for it: sorted, paged and searched, in sites of 100 to 100,000 secrets (or as many as asked).

Baseline of the same run: the smallest request there is on the same socket, one site by its name.

Run with: python bench/list_secrets.py [COUNT ...]
"""

import statistics
import sys

from measure import client, report, running, timed
from nightdrop.cli.client import Client
from rows import fill

TIMES = 60
COUNTS = (100, 10_000, 100_000)


def main() -> None:
    counts = [int(word) for word in sys.argv[1:]] or list(COUNTS)
    with running() as installation:
        with client(installation) as api:
            site = api.get("/sites/default")["id"]
        filled = 0
        for count in counts:
            fill(installation.home / "data" / "app.db", site, filled, count)
            filled = count
            # Filling takes longer than the server keeps a connection that nobody uses.
            with client(installation) as api:
                ask(api, count)


def ask(api: Client, count: int) -> None:
    path = "/sites/default/secrets"
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
