"""What scripts answer to the requests of webhooks: stored by the worker, taken once by the process that answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, text

from nightdrop.db.engine import Database
from nightdrop.db.notify import notify
from nightdrop.runs.rows import storable

# Nothing that a browser would run: the answer comes from the address of the administration pages.
MediaType = Literal["text/plain", "application/json"]

_HELD = text("SELECT id, fence FROM runs WHERE id IN :ids AND state = 'running'").bindparams(
    bindparam("ids", expanding=True)
)
_PUT = text(
    "INSERT INTO run_answers (run_id, status, media_type, body) VALUES (:run, :status, :media_type, :body)"
    " ON CONFLICT (run_id) DO NOTHING"
)
_GET = text("SELECT status, media_type, body FROM run_answers WHERE run_id = :run")
_DROP = text("DELETE FROM run_answers WHERE run_id = :run")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; the body is masked like a log."""

    status: int
    media_type: MediaType
    body: str


class RunAnswers:
    """The answers of all runs."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, answers: Mapping[tuple[str, int], Answer]) -> None:
        """Store answers of the given (run id, fence); the first one of a run counts, a stale fence has none."""
        with self._db.write() as conn:
            held = {(row.id, row.fence) for row in conn.execute(_HELD, {"ids": [run for run, _ in answers]})}
            rows = [
                {"run": key[0], "status": one.status, "media_type": one.media_type, "body": storable(one.body)}
                for key, one in answers.items()
                if key in held
            ]
            if rows:
                conn.execute(_PUT, rows)
                notify(conn, "web")

    def take(self, run_id: str) -> Answer | None:
        """Return a run's answer, if there is one by now; it is not kept."""
        with self._db.read() as conn:
            if conn.execute(_GET, {"run": run_id}).first() is None:
                return None
        with self._db.write() as conn:
            row = conn.execute(_GET, {"run": run_id}).first()
            conn.execute(_DROP, {"run": run_id})
        return None if row is None else Answer(row.status, row.media_type, row.body)
