import json

import pytest
from sqlalchemy import text

from nightdrop.core.caller import SYSTEM
from nightdrop.runs.model import FinishedRun, RunState
from nightdrop.runs.queue import RunQueue
from nightdrop.scripts.store import ScriptStore
from nightdrop.triggers.followers import Followers
from nightdrop.triggers.model import HookMissingError
from nightdrop.triggers.settings import AfterSettings, NotifySettings, ScheduleSettings, WebhookSettings
from nightdrop.triggers.store import TriggerStore

SITE = "site_a"
LEASE = 30_000


@pytest.fixture
def world(db, clock):
    return World(db, clock)


class World:
    """A site with two scripts, triggers and a queue that knows what follows."""

    def __init__(self, db, clock):
        self.db, self.clock = db, clock
        with db.write() as conn:
            conn.execute(text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), {"id": SITE})
        self.scripts = ScriptStore(db, clock)
        for name in ("first", "second"):
            self.scripts.push(SYSTEM, SITE, name, "Log(1)")
        self.store = TriggerStore(db, clock)
        self.queue = RunQueue(db, clock, ended=Followers(clock).ended)

    def after(self, **settings):
        return self.store.create(SYSTEM, SITE, "second", AfterSettings(script="first", **settings))[0]

    def end(self, state=RunState.SUCCEEDED, script="first", **more):
        """Run a script to its end."""
        self.queue.enqueue(SYSTEM, SITE, script=script)
        return self.end_next(state, **more)

    def end_next(self, state=RunState.SUCCEEDED, **more):
        (run,) = self.queue.claim("w", 1, LEASE)
        assert self.queue.finish(FinishedRun(run.id, run.fence, state, **more))
        return run

    def waiting(self):
        return [run for run in self.queue.list(SYSTEM, SITE).items if run.state == RunState.QUEUED]


@pytest.mark.parametrize(
    ("on", "states"),
    [
        ("succeeded", {RunState.SUCCEEDED}),
        ("failed", {RunState.FAILED, RunState.TIMED_OUT, RunState.KILLED}),
        ("ended", {RunState.SUCCEEDED, RunState.FAILED, RunState.TIMED_OUT, RunState.KILLED, RunState.CANCELLED}),
    ],
)
def test_a_script_runs_after_another(world, on, states):
    trigger = world.after(on=on)
    for state in (state for state in RunState if state.ended and state is not RunState.LOST):
        ended = world.end(state, reason="why")
        found = world.waiting()
        assert bool(found) == (state in states), state
        for run in found:
            assert (run.script_name, run.created_by) == ("second", f"after:{trigger.id}")
            after = {"Run": ended.id, "Script": "first", "State": state.value, "Reason": "why"}
            assert world.queue.get(SYSTEM, run.id).params == {"After": after}
            world.end_next()


def test_a_lost_run_is_a_failed_one(world):
    world.after(on="failed")
    world.queue.enqueue(SYSTEM, SITE, script="first")
    world.queue.claim("w", 1, LEASE)
    world.queue.lose_worker("w")
    assert [run.script_name for run in world.waiting()] == ["second"]


def test_what_is_off_does_not_follow(world):
    trigger = world.after()
    world.store.change(SYSTEM, SITE, trigger.id, enabled=False)
    world.end()
    assert world.waiting() == []


def test_a_rename_changes_nothing(world):
    world.after()
    world.scripts.change(SYSTEM, SITE, "first", name="begin")
    world.end(script="begin")
    assert [run.script_name for run in world.waiting()] == ["second"]


def test_nothing_follows_twice(world):
    world.after()
    run = world.end()
    assert not world.queue.finish(FinishedRun(run.id, 1, RunState.SUCCEEDED))
    assert len(world.waiting()) == 1


def test_what_cannot_follow_does_not_keep_the_run_from_ending(world):
    trigger = world.after(params={"x": "y"})
    with world.db.write() as conn:
        conn.execute(text('UPDATE triggers SET settings = \'{"kind": "nonsense"}\''))
    world.end()
    assert world.waiting() == []
    with world.db.read() as conn:
        assert conn.execute(text("SELECT problem FROM triggers WHERE id = :id"), {"id": trigger.id}).scalar()


def test_the_audit_log_tells_what_made_the_run(world):
    trigger = world.after()
    world.end()
    with world.db.read() as conn:
        bodies = conn.execute(text("SELECT body FROM audit WHERE event = 'run.queued' ORDER BY seq")).scalars().all()
    entry = json.loads(bytes(bodies[-1]))
    assert entry["detail"] == {"kind": "after", "script": "second", "trigger": trigger.id}


# Tries


def retried(world, retries=2, backoff_s=10):
    world.scripts.change(SYSTEM, SITE, "first", idempotent=True)
    settings = WebhookSettings(retries=retries, backoff_s=backoff_s, params={"a": 1})
    trigger, token = world.store.create(SYSTEM, SITE, "first", settings)
    return trigger, world.store.call_hook(world.store.of_hook(token), {"Body": "b"})


def test_a_failed_run_is_tried_again_later_and_later_and_not_for_ever(world):
    _, first = retried(world)
    for pause_s in (10, 20):
        world.end_next(RunState.FAILED)
        (again,) = world.waiting()
        assert again.run_at_ms == world.clock.now_ms() + pause_s * 1000
        assert world.queue.get(SYSTEM, again.id).params == {"a": 1, "Request": {"Body": "b"}}
        assert world.queue.claim("w", 1, LEASE) == []
        world.clock.advance(pause_s * 1000)
    world.end_next(RunState.FAILED)
    assert world.waiting() == []
    with world.db.read() as conn:
        rows = conn.execute(text("SELECT run_id, retry FROM run_origins ORDER BY run_id")).all()
    assert [row.retry for row in rows] == [0, 1, 2]
    assert rows[0].run_id == first


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.CANCELLED])
def test_what_did_not_fail_is_not_tried_again(world, state):
    retried(world)
    world.end_next(state)
    assert world.waiting() == []


def test_a_script_that_is_not_idempotent_any_more_is_not_tried_again(world):
    retried(world)
    world.scripts.change(SYSTEM, SITE, "first", idempotent=False)
    world.end_next(RunState.FAILED)
    assert world.waiting() == []


def test_a_run_that_somebody_asked_for_is_not_tried_again(world):
    world.scripts.change(SYSTEM, SITE, "first", idempotent=True)
    world.end(RunState.FAILED)
    assert world.waiting() == []


def test_who_waits_for_a_failure_waits_for_the_last_try(world):
    world.after(on="failed")
    retried(world, retries=1, backoff_s=1)
    world.end_next(RunState.FAILED)
    assert [run.script_name for run in world.waiting()] == ["first"]
    world.clock.advance(1000)
    world.end_next(RunState.FAILED)
    assert [run.script_name for run in world.waiting()] == ["second"]


def test_a_hook_is_found_by_its_token_alone(world):
    trigger, token = world.store.create(SYSTEM, SITE, "first", WebhookSettings())
    assert world.store.of_hook(token).id == trigger.id
    for wrong in ("", token[:-1], token + "x", trigger.id, "\0", "\ud800"):
        with pytest.raises(HookMissingError):
            world.store.of_hook(wrong)
    renewed = world.store.renew_token(SYSTEM, SITE, trigger.id)
    with pytest.raises(HookMissingError):
        world.store.of_hook(token)
    found = world.store.of_hook(renewed)
    world.store.change(SYSTEM, SITE, trigger.id, enabled=False)
    for call in (lambda: world.store.of_hook(renewed), lambda: world.store.call_hook(found, {})):
        with pytest.raises(HookMissingError):
            call()
    assert world.waiting() == []


def test_settings_of_a_schedule_are_kept_apart(world):
    world.store.create(SYSTEM, SITE, "first", ScheduleSettings(cron="@daily"))
    world.end()
    assert world.waiting() == []


def test_a_failure_is_told_and_more_of_them_are_held_back(world):
    trigger, _ = world.store.create(SYSTEM, SITE, "first", NotifySettings(to="me@example.com", every_minutes=10))
    for state in (RunState.SUCCEEDED, RunState.CANCELLED):
        world.end(state)
    assert world.waiting() == []
    failed = world.end(RunState.FAILED, error={"message": "no such host", "line": 3})
    (notice,) = world.waiting()
    assert (notice.script_name, notice.script_id, notice.created_by) == ("notification", None, f"notify:{trigger.id}")
    params = world.queue.get(SYSTEM, notice.id).params
    assert params == {
        "To": "me@example.com",
        "Subject": "nightdrop: first in site_a: failed (line 3)",
        "Text": f"first in site_a: failed (line 3)\nno such host\nRun {failed.id}",
    }
    # One that fails itself is not told.
    world.end_next(RunState.FAILED)
    world.end(RunState.KILLED)
    assert world.waiting() == []
    world.clock.advance(10 * 60_000)
    world.end(RunState.TIMED_OUT, reason="took longer than 5 s")
    (notice,) = world.waiting()
    text = world.queue.get(SYSTEM, notice.id).params["Text"]
    assert text.splitlines()[:2] == ["first in site_a: timed out", "took longer than 5 s"]


def test_a_failure_that_is_tried_again_is_told_when_the_last_try_has_failed(world):
    world.scripts.change(SYSTEM, SITE, "first", idempotent=True)
    world.store.create(SYSTEM, SITE, "first", NotifySettings(url_secret="chat"))
    _, token = world.store.create(SYSTEM, SITE, "first", WebhookSettings(retries=1, backoff_s=1))
    world.store.call_hook(world.store.of_hook(token), {})
    world.end_next(RunState.FAILED)
    assert [run.script_name for run in world.waiting()] == ["first"]
    world.clock.advance(60_000)
    world.end_next(RunState.FAILED)
    (notice,) = world.waiting()
    params = world.queue.get(SYSTEM, notice.id).params
    assert (params["Url"], params["UrlSecret"]) == ("", "chat")
    assert params["Notice"]["state"] == "failed"
