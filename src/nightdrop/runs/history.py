"""What stays of runs beside their rows: how many ended how in each hour, and which script read which secret last.

Written in the transaction that ends a run, so that it counts each run once; what is pruned stays counted.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, text

from nightdrop.access.guard import check
from nightdrop.access.permissions import Permission
from nightdrop.core.caller import Caller
from nightdrop.db.engine import Database
from nightdrop.runs.model import RunState

HOUR_MS = 3_600_000

_COUNT = text(
    "INSERT INTO run_hours (site_id, hour, state, runs) VALUES (:site, :hour, :state, :runs)"
    " ON CONFLICT (site_id, hour, state) DO UPDATE SET runs = run_hours.runs + excluded.runs"
)
_READ = text(
    "INSERT INTO secret_reads (site_id, secret_name, script_id, at_ms) VALUES (:site, :secret, :script, :at)"
    " ON CONFLICT (site_id, secret_name, script_id) DO UPDATE SET at_ms = excluded.at_ms"
)
_HOURS = text(
    "SELECT hour, state, runs FROM run_hours WHERE site_id = :site AND hour >= :since AND hour < :until ORDER BY hour"
)


class Ending(NamedTuple):
    """A run that ends now; ``script_id`` is ``None`` for code that is not stored."""

    site_id: str
    script_id: str | None
    state: RunState
    secrets_used: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """How many runs ended in a span of time, by the state they ended in; ``at_ms`` is where it begins."""

    at_ms: int
    runs: dict[str, int] = field(default_factory=dict)


def note_ends(conn: Connection, ends: Sequence[Ending], now_ms: int) -> None:
    """Count runs that end, and note what they read."""
    hour = now_ms // HOUR_MS
    # In one order everywhere: workers that write the same rows must not wait for each other in a circle.
    counts = sorted(Counter((end.site_id, end.state.value) for end in ends).items())
    conn.execute(_COUNT, [{"site": site, "hour": hour, "state": state, "runs": n} for (site, state), n in counts])
    reads = {(end.site_id, name, end.script_id) for end in ends if end.script_id for name in end.secrets_used}
    if reads:
        rows = [{"site": site, "secret": name, "script": script, "at": now_ms} for site, name, script in sorted(reads)]
        conn.execute(_READ, rows)


class RunHistory:
    """Counts of runs that ended."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def spans(self, caller: Caller, site: str, since_ms: int, until_ms: int, hours: int) -> list[Span]:
        """Return a count for each span of ``hours`` whole hours from ``since_ms`` (rounded down) to ``until_ms``.

        Spans in which nothing ended are there too.

        Raises:
            DeniedError.
        """
        check(self._db, caller, Permission.RUNS_VIEW, site)
        first, last = since_ms // HOUR_MS, -(-until_ms // HOUR_MS)
        found: defaultdict[int, Counter[str]] = defaultdict(Counter)
        with self._db.read() as conn:
            for row in conn.execute(_HOURS, {"site": site, "since": first, "until": last}):
                found[(row.hour - first) // hours][row.state] += row.runs
        count = -(-(last - first) // hours)
        return [Span((first + number * hours) * HOUR_MS, dict(found[number])) for number in range(count)]
