"""Rows of secrets put behind the server's back: writing a hundred thousand through it would take an hour."""

import sqlite3
from pathlib import Path

from nightdrop.core.ids import new_id
from nightdrop.secrets.names import fold, search_text

ROW = (
    "INSERT INTO secrets (id, site_id, name, name_key, search, description, created_ms, updated_ms, updated_by,"
    " last_used_ms, health, revision, epoch, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'bench', ?, 'ok', 1, 1, ?)"
)
# As large as a sealed value of up to 250 bytes.
SEALED = bytes(1403)
WORDS = ("mail", "bank", "sftp", "backup", "billing", "partner", "warehouse", "invoice")


def fill(app_db: Path, site: str, start: int, stop: int) -> None:
    """Put the secrets from number ``start`` up to ``stop`` into the site with this id."""

    def row(number: int) -> tuple[object, ...]:
        name = f"{WORDS[number % len(WORDS)]}-key-{number * 7919 % 1_000_003}"
        description = f"for the {WORDS[number // 8 % len(WORDS)]} of customer {number}"
        at = 1_700_000_000_000 + number
        return (new_id("sec"), site, name, fold(name), search_text(name, description), description, at, at, at, SEALED)

    connection = sqlite3.connect(app_db, timeout=60)
    # The index of the search has fifty rows for each: with SQLite's 2 MB they would be read and written again and again.
    connection.execute("PRAGMA cache_size=-262144")
    with connection:
        connection.executemany(ROW, map(row, range(start, stop)))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
