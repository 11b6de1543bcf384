"""Rotations in app.db: asked for once, stored with compare-and-set, one worker at a time."""

import threading

import pytest

from nightdrop.access.permissions import Permission
from nightdrop.core.caller import Caller
from nightdrop.core.errors import DeniedError
from nightdrop.crypto.identity import SiteKeyForgedError
from nightdrop.db.engine import Database
from nightdrop.secrets.model import EpochConflictError, SecretMissingError
from nightdrop.secrets.reseal import OpenRotation, Resealing, RotationTakenError
from nightdrop.secrets.rotations import RotationMissingError, RotationStore
from vault import OWNER, published_key, seal


@pytest.fixture
def rotations(db, clock):
    return RotationStore(db, clock)


@pytest.fixture
def resealing(db, clock):
    return Resealing(db, clock, "worker-1")


def begin(vault, rotations, resealing, **options):
    """Ask for a rotation and publish its key, as the worker does when the keeper has made it."""
    rotations.request(OWNER, vault.site.id, **options)
    (found,) = resealing.unfinished()
    assert resealing.claim(found)
    vault.sites.publish_site_key(vault.site.id, published_key(vault.site.id, found.epoch))
    return found


def old(resealing, rotation):
    return [each.secret for each in resealing.old_secrets(rotation, "")]


def form(vault, name):
    with vault.db.read() as connection:
        from sqlalchemy import text

        row = connection.execute(text("SELECT sealed, revision, epoch FROM secrets WHERE name=:n"), {"n": name}).one()
    return bytes(row.sealed), row.revision, row.epoch


def events(db):
    from sqlalchemy import select

    from nightdrop.db.tables import audit

    with db.read() as connection:
        return list(connection.execute(select(audit.c.event).order_by(audit.c.seq)).scalars())


def test_asked_for_twice_it_is_one(vault, rotations, resealing):
    first = rotations.request(OWNER, vault.site.id)
    assert (first.epoch, first.problem, first.finished_ms) == (2, None, None)
    resealing.note_problem(resealing.unfinished()[0], "keeper_down")
    assert rotations.get(OWNER, vault.site.id, 2).problem == "keeper_down"
    again = rotations.request(OWNER, vault.site.id, drop_undecryptable=True)
    assert (again.epoch, again.problem, again.drop_undecryptable) == (2, None, True)
    # A wish to drop stays when somebody asks again without it: what is dropped already is dropped.
    assert rotations.request(OWNER, vault.site.id).drop_undecryptable
    assert events(vault.db).count("site.key_rotation_requested") == 3


def test_secrets_move_and_the_rotation_ends(vault, rotations, resealing, clock):
    for name in ("a", "b"):
        vault.put(name, b"value")
    other = vault.new_site("other")
    vault.put("c", site=other.id)
    rotation = begin(vault, rotations, resealing)
    keys, under_way = rotations.keys(OWNER, vault.site.id)
    assert [(key.epoch, key.state) for key in keys] == [(2, "current"), (1, "retiring")]
    assert under_way.left == 2
    secrets = old(resealing, rotation)
    assert sorted(secret.name for secret in secrets) == ["a", "b"]
    before = vault.secrets.get_info(OWNER, vault.site.id, "a")
    clock.advance(1000)
    assert resealing.store(rotation, [(secret, b"new " + secret.name.encode()) for secret in secrets]) == 2
    assert form(vault, "a") == (b"new a", 1, 2)
    after = vault.secrets.get_info(OWNER, vault.site.id, "a")
    assert (after.updated_ms, after.updated_by, after.revision) == (before.updated_ms, before.updated_by, 1)
    resealing.finish(rotation)
    assert resealing.unfinished() == []
    done = rotations.get(OWNER, vault.site.id, 2)
    assert (done.moved, done.left, done.finished_ms) == (2, 0, clock.now_ms())
    assert [(key.epoch, key.state) for key in rotations.keys(OWNER, vault.site.id)[0]] == [
        (2, "current"),
        (1, "destroyed"),
    ]
    assert "site.key_rotated" in events(vault.db)
    assert rotations.request(OWNER, vault.site.id).epoch == 3


def test_a_person_who_writes_meanwhile_wins(vault, rotations, resealing):
    for name in ("updated", "deleted", "made again", "described"):
        vault.put(name, b"value")
    rotation = begin(vault, rotations, resealing)
    handed_out = old(resealing, rotation)
    vault.put("updated", b"by a person")
    updated = form(vault, "updated")
    for name in ("deleted", "made again"):
        vault.secrets.delete(OWNER, vault.site.id, name)
    vault.put("made again", b"by a person")
    made_again = form(vault, "made again")
    vault.secrets.describe(OWNER, vault.site.id, "described", "a description")
    assert resealing.store(rotation, [(secret, b"new") for secret in handed_out]) == 1
    assert form(vault, "updated") == updated
    assert form(vault, "made again") == made_again
    assert form(vault, "described") == (b"new", 1, 2)
    assert vault.secrets.get_info(OWNER, vault.site.id, "described").description == "a description"
    with pytest.raises(SecretMissingError):
        vault.secrets.get_info(OWNER, vault.site.id, "deleted")
    assert old(resealing, rotation) == []


def test_a_value_that_was_sealed_to_the_old_key_meanwhile_is_refused_with_a_retry(vault, rotations, resealing):
    stale = vault.key("a")
    begin(vault, rotations, resealing)
    with pytest.raises(EpochConflictError) as caught:
        vault.secrets.put(OWNER, vault.site.id, "a", seal(stale, "a"), stale.revision, stale.epoch)
    assert "again" in caught.value.hint
    fresh = vault.key("a")
    assert fresh.epoch == 2
    vault.secrets.put(OWNER, vault.site.id, "a", seal(fresh, "a"), fresh.revision, fresh.epoch)


def test_before_the_new_key_is_published_values_for_the_old_one_are_taken_and_moved(vault, rotations, resealing):
    rotations.request(OWNER, vault.site.id)
    vault.put("a", b"value")
    rotation = begin(vault, rotations, resealing)
    assert [secret.name for secret in old(resealing, rotation)] == ["a"]


def test_writers_in_other_threads_never_leave_a_secret_behind(vault, rotations, resealing):
    """Whoever stores while the key is published either comes before it, and is found, or is refused."""
    go = threading.Barrier(3)
    refused = []

    def write(number):
        go.wait()
        for turn in range(20):
            key = vault.key(f"w{number}-{turn}")
            try:
                vault.secrets.put(
                    OWNER, vault.site.id, f"w{number}-{turn}", seal(key, f"w{number}-{turn}"), 1, key.epoch
                )
            except EpochConflictError:
                refused.append(turn)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    go.wait()
    rotation = begin(vault, rotations, resealing)
    found = {secret.name for secret in old(resealing, rotation)}
    for thread in threads:
        thread.join()
    assert {secret.name for secret in old(resealing, rotation)} == found
    assert len(vault.names(limit=500)) + len(refused) == 40


def test_what_does_not_open_is_named_and_goes_only_when_asked(vault, rotations, resealing):
    for name in ("good", "broken", "put right"):
        vault.put(name, b"value")
    rotation = begin(vault, rotations, resealing)
    secrets = {secret.name: secret for secret in old(resealing, rotation)}
    resealing.store(rotation, [(secrets["good"], b"new")])
    resealing.note_problem(rotation, "undecryptable")
    blocked = rotations.get(OWNER, vault.site.id, 2)
    assert (blocked.left, blocked.undecryptable) == (2, ("broken", "put right"))
    rotations.request(OWNER, vault.site.id, drop_undecryptable=True)
    assert resealing.claim(rotation)
    vault.put("put right", b"by a person")
    failures = [(secrets[name], "authentication") for name in ("broken", "put right")]
    assert resealing.drop(rotation, failures) == 1
    assert sorted(vault.names()) == ["good", "put right"]
    assert rotations.get(OWNER, vault.site.id, 2).dropped == 1
    # Made again it must have a higher revision than what was dropped: the keeper remembers that one.
    assert vault.key("broken").revision == 2


def test_one_worker_at_a_time(db_url, db, vault, rotations, clock):
    vault.put("a", b"value")
    rotations.request(OWNER, vault.site.id)
    first, second = (Resealing(db, clock, name) for name in ("worker-1", "worker-2"))
    (rotation,) = first.unfinished()
    assert first.claim(rotation)
    secrets = old(first, rotation)
    # On SQLite one worker serves a home, so another one means that the first is dead.
    assert second.claim(rotation) is db.is_sqlite
    if not db.is_sqlite:
        clock.advance(61_000)
        assert second.claim(rotation)
    with pytest.raises(RotationTakenError):
        first.store(rotation, [(secrets[0], b"new")])
    with pytest.raises(RotationTakenError):
        first.finish(rotation)
    assert form(vault, "a")[0] == secrets[0].sealed
    assert second.store(rotation, [(secrets[0], b"new")]) == 1


def test_batches_are_bounded_and_go_on_behind_the_last_one(vault, rotations, resealing):
    for number in range(5):
        vault.put(f"n{number}", b"x" * 100_000)
    rotation = begin(vault, rotations, resealing)
    seen, after = [], ""
    while batch := resealing.old_secrets(rotation, after):
        assert 1 <= len(batch) <= 3
        seen += [each.secret.name for each in batch]
        after = batch[-1].id
    assert sorted(seen) == [f"n{number}" for number in range(5)]


def test_who_may(vault, rotations):
    site = vault.site.id
    stranger = Caller("session", "stranger")
    robot = Caller("token", "robot", {site: frozenset({Permission.SETTINGS_VIEW, Permission.SETTINGS_EDIT})})
    keeper_of_settings = Caller("session", "mel", {site: frozenset({Permission.SETTINGS_EDIT})})
    rotations.keys(robot, site)
    for attempt in (
        lambda: rotations.request(stranger, site),
        lambda: rotations.get(stranger, site, 2),
        lambda: rotations.keys(stranger, site),
        lambda: rotations.request(robot, site),
        # It deletes secrets, which is a permission of its own.
        lambda: rotations.request(keeper_of_settings, site, drop_undecryptable=True),
    ):
        with pytest.raises(DeniedError):
            attempt()
    assert events(vault.db).count("access.denied") == 5
    with pytest.raises(RotationMissingError):
        rotations.get(OWNER, site, 2)


def test_a_key_by_another_keeper_is_not_published(vault):
    import vault as tools
    from nightdrop.crypto.seeds import generate_seed
    from nightdrop.keys.site_keys import new_site_key

    foreign = new_site_key(vault.site.id, 2, identity_seed=generate_seed(), recipients=()).published
    key = tools.PublishedSiteKey(
        foreign.epoch, foreign.suite, foreign.key_id, foreign.public_key, foreign.signature, foreign.identity
    )
    with pytest.raises(SiteKeyForgedError):
        vault.sites.publish_site_key(vault.site.id, key)


def test_an_open_rotation_is_found_after_a_restart(db_url, db, vault, rotations):
    rotations.request(OWNER, vault.site.id)
    with Database.open(db_url) as again:
        from nightdrop.core.clock import FakeClock

        assert Resealing(again, FakeClock(), "w").unfinished() == [OpenRotation(vault.site.id, 2, False, None)]


def test_a_worker_that_cannot_go_on_gives_the_turn_to_another_one(vault, rotations, resealing, clock):
    vault.put("a", b"value")
    rotations.request(OWNER, vault.site.id)
    (rotation,) = resealing.unfinished()
    assert resealing.claim(rotation)
    other = Resealing(vault.db, clock, "other")
    # Who has not the turn says nothing.
    other.note_problem(rotation, "node_removed")
    assert resealing.unfinished() == [rotation]
    resealing.note_problem(rotation, "node_removed")
    (waiting,) = other.unfinished()
    assert waiting.problem == "node_removed"
    assert other.claim(waiting)
