"""The statements of the hot path use their indices, so they stay flat however long the history is."""

import pytest
from sqlalchemy import text

from nightdrop.runs import claims, queue
from nightdrop.runs.model import RunState

SITES = [f"site_{number:02d}" for number in range(20)]
_ROWS = 4000


@pytest.fixture
def full(db):
    runs = [
        {
            "id": f"run_{number:026d}",
            "site": SITES[number % 20],
            "script": f"scr_{number % 20}",
            "state": "queued" if number % 8 == 0 else "succeeded",
            "at": number,
        }
        for number in range(_ROWS)
    ]
    with db.write() as conn:
        conn.execute(
            text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), [{"id": site} for site in SITES]
        )
        conn.execute(
            text(
                "INSERT INTO scripts (id, site_id, name, created_ms, updated_ms, version) VALUES (:id, :site, 'x', 1, 1, 1)"
            ),
            [{"id": f"scr_{number}", "site": site} for number, site in enumerate(SITES)],
        )
        conn.execute(
            text(
                "INSERT INTO runs (id, site_id, script_id, state, run_at_ms, created_ms, created_by, code)"
                " VALUES (:id, :site, :script, :state, :at, :at, 'x', '1')"
            ),
            runs,
        )
        conn.execute(
            text("INSERT INTO run_logs (run_id, seq, at_ms, level, text) VALUES (:id, 1, 1, 'info', 'x')"), runs
        )
        conn.execute(
            text(
                "INSERT INTO run_origins (run_id, site_id, kind, trigger_id) VALUES (:id, :site, 'webhook', :trigger)"
            ),
            [{**run, "trigger": f"trg_{run['at'] % 20}"} for run in runs],
        )
        conn.execute(text("INSERT INTO run_bytes (run_id, bytes) VALUES (:id, 1)"), runs)
        conn.execute(text("ANALYZE"))
    return db


def plan(db, statement, **values):
    explain = "EXPLAIN QUERY PLAN " if db.is_sqlite else "EXPLAIN "
    with db.write() as conn:
        rows = conn.execute(text(explain + str(statement)), values).all()
    return "\n".join(row.detail if db.is_sqlite else row[0] for row in rows)


def scans(db, shown):
    """Return the lines that read a whole table of runs or logs."""
    lines = shown.splitlines()
    if db.is_sqlite:
        return [line for line in lines if line.startswith("SCAN") and "INDEX" not in line]
    return [line for line in lines if "Seq Scan on run" in line]


def test_claim_reads_the_queued_rows_only(full):
    shown = plan(full, claims._CANDIDATES, now=10**6, limit=8)
    assert "ix_runs_queued" in shown, shown
    assert not scans(full, shown), shown
    if full.is_sqlite:
        assert "TEMP B-TREE" not in shown, shown


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, "ix_runs_by_site"),
        ({"state": RunState.RUNNING}, "ix_runs_by_state"),
        ({"script_id": "scr_3"}, "ix_runs_by_script"),
        ({"since_ms": 1, "until_ms": 2**40}, "ix_runs_by_site"),
        ({"trigger_id": "trg_3"}, "ix_run_origins_by_trigger"),
    ],
)
def test_a_list_reads_one_page(full, wanted, index):
    asked = queue._Wanted(**{**dict.fromkeys(queue._Wanted._fields), **wanted})
    statement, values = queue._page_query("site_03", asked, "run_00000000000000000000001500")
    shown = plan(full, statement, **values, limit=51)
    assert not scans(full, shown), shown
    if full.is_sqlite:
        assert index in shown, shown
        assert "TEMP B-TREE" not in shown, shown


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (claims._EXPIRED, {"now": 1}),
        (queue._BY_ID, {"id": "run_x"}),
        (queue._BY_KEY, {"site": "site_03", "key": "k"}),
        (queue._LOGS, {"id": "run_x", "after": 0, "limit": 10}),
    ],
)
def test_single_rows_are_found_by_an_index(full, statement, values):
    shown = plan(full, statement, **values)
    assert not scans(full, shown), shown
