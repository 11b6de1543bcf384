"""Answers of scripts to webhooks: the first one of a run counts, and it is taken once."""

import pytest
from sqlalchemy import text

from nightdrop.core.caller import SYSTEM
from nightdrop.runs.answers import Answer
from nightdrop.runs.model import FinishedRun, RunState
from nightdrop.runs.queue import RunQueue

SITE = "site_a"


@pytest.fixture
def queue(db, clock):
    with db.write() as conn:
        conn.execute(text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), {"id": SITE})
    return RunQueue(db, clock)


def claimed(queue):
    queue.enqueue(SYSTEM, SITE, code="1")
    (run,) = queue.claim("w", 1, 30_000)
    return run


def test_the_first_answer_is_taken_once(queue):
    run = claimed(queue)
    assert queue.answers.take(run.id) is None
    for body in ("first", "second"):
        queue.answers.put({(run.id, run.fence): Answer(201, "text/plain", body)})
    assert queue.answers.take(run.id) == Answer(201, "text/plain", "first")
    assert queue.answers.take(run.id) is None


def test_who_has_lost_a_run_does_not_answer_for_it(queue):
    run, other = claimed(queue), claimed(queue)
    queue.finish(FinishedRun(other.id, other.fence, RunState.SUCCEEDED))
    queue.answers.put(
        {
            (run.id, run.fence - 1): Answer(200, "text/plain", "x"),
            (other.id, other.fence): Answer(200, "text/plain", "y"),
        }
    )
    assert queue.answers.take(run.id) is None
    assert queue.answers.take(other.id) is None


def test_text_that_no_database_takes(queue):
    run = claimed(queue)
    queue.answers.put({(run.id, run.fence): Answer(200, "text/plain", "a\x00b\ud800")})
    assert queue.answers.take(run.id) == Answer(200, "text/plain", "a\ufffdb?")
