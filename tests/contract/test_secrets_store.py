"""The rules of the secret store, each a test."""

import dataclasses

import pytest
from sqlalchemy import text

from nightdrop.access.sites import SiteMissingError
from nightdrop.audit.log import verify_log
from nightdrop.core.caller import SYSTEM
from nightdrop.crypto.failure import Failure
from nightdrop.crypto.sealing import SealedFormError
from nightdrop.scripts.store import ScriptStore
from nightdrop.secrets.model import MAX_REVISION_STEP
from nightdrop.secrets.store import (
    EpochConflictError,
    RevisionConflictError,
    SealingKey,
    SecretDescriptionError,
    SecretExistsError,
    SecretInfo,
    SecretInUseError,
    SecretMissingError,
    SecretNameError,
    SiteKeyNotReadyError,
)
from vault import OWNER, published_key, seal

MISSING_ID = "sec_00000000000000000000000000"


def stored(vault, name, site=None):
    """What lies in the database: the sealed bytes, revision and epoch."""
    query = text("SELECT sealed, revision, epoch FROM secrets WHERE site_id = :site AND name = :name")
    with vault.db.read() as connection:
        row = connection.execute(query, {"site": site or vault.site.id, "name": name}).first()
    return row and (bytes(row.sealed), row.revision, row.epoch)


def events(vault):
    with vault.db.read() as connection:
        assert verify_log(connection).ok
        return (
            connection.execute(text("SELECT event FROM audit WHERE event LIKE 'secret%' ORDER BY seq")).scalars().all()
        )


def test_a_secret_is_created_updated_described_and_deleted(vault, clock):
    created = vault.put("api-key", description="for the shop")
    assert (created.name, created.description, created.revision, created.epoch) == ("api-key", "for the shop", 1, 1)
    assert (created.created_ms, created.updated_ms, created.updated_by) == (clock.now_ms(), clock.now_ms(), OWNER.name)
    assert (created.last_used_ms, created.health, created.scrubbed) == (None, "unchecked", True)
    clock.advance(5)
    updated = vault.put("api-key", b"other")
    assert updated == dataclasses.replace(created, revision=2, updated_ms=clock.now_ms())
    clock.advance(5)
    before = stored(vault, "api-key")
    described = vault.secrets.describe(OWNER, vault.site.id, "api-key", "new")
    assert described == dataclasses.replace(updated, description="new")
    assert stored(vault, "api-key") == before
    assert vault.secrets.get_info(OWNER, vault.site.id, "api-key") == described
    assert vault.secrets.get_info(OWNER, vault.site.id, created.id) == described
    assert vault.secrets.delete(OWNER, vault.site.id, "api-key") == described
    assert stored(vault, "api-key") is None
    assert events(vault) == ["secret.created", "secret.updated", "secret.described", "secret.deleted"]


def test_what_is_stored_is_what_was_sealed(vault):
    key = vault.key("a")
    sealed = seal(key, "a")
    vault.secrets.put(OWNER, vault.site.id, "a", sealed, key.revision, key.epoch)
    assert stored(vault, "a") == (sealed, 1, 1)


def test_nothing_that_is_given_out_has_room_for_a_value():
    known = {"public_key", "signature", "identity"}
    for model in (SecretInfo, SealingKey):
        kinds = {field.name: field.type for field in dataclasses.fields(model)}
        assert {name for name, kind in kinds.items() if kind not in (str, int, bool, int | None)} <= known


def test_the_sealing_key_says_the_next_revision(vault):
    assert vault.key().revision == 1
    assert vault.key("a").revision == 1
    vault.put("a")
    assert vault.key("a").revision == 2
    assert vault.key("b").revision == 1
    published = published_key(vault.site.id, 2)
    vault.sites.publish_site_key(vault.site.id, published)
    key = vault.key("a")
    assert (key.epoch, key.public_key, key.site_id) == (2, published.public_key, vault.site.id)


def test_a_name_made_again_gets_a_higher_revision(vault):
    for _ in range(3):
        vault.put("a")
    vault.put("b")
    vault.secrets.delete(OWNER, vault.site.id, "a")
    assert vault.put("a").revision == 4
    assert vault.put("new").revision == 4
    assert vault.put("b").revision == 4
    vault.secrets.delete(OWNER, vault.site.id, "b")
    assert vault.put("b").revision == 5


@pytest.mark.parametrize("offset", [-5, -1, 0, MAX_REVISION_STEP, 2**62])
def test_a_revision_out_of_order_is_refused(vault, offset):
    vault.put("a")
    before = stored(vault, "a")
    key = vault.key("a")
    revision = key.revision - 1 + offset
    with pytest.raises(RevisionConflictError):
        vault.secrets.put(OWNER, vault.site.id, "a", seal(key, "a", revision=max(revision, 0)), revision, key.epoch)
    assert stored(vault, "a") == before
    assert events(vault) == ["secret.created"]


def test_a_revision_may_run_ahead_a_little(vault):
    key = vault.key("a")
    revision = MAX_REVISION_STEP - 1
    vault.secrets.put(OWNER, vault.site.id, "a", seal(key, "a", revision=revision), revision, key.epoch)
    assert vault.key("a").revision == MAX_REVISION_STEP


def test_create_and_update_can_be_told_apart(vault):
    with pytest.raises(SecretMissingError):
        vault.put("a", create=False)
    vault.put("a", create=True)
    with pytest.raises(SecretExistsError):
        vault.put("a", create=True)
    vault.put("a", create=False)
    vault.put("a")
    assert events(vault) == ["secret.created", "secret.updated", "secret.updated"]


def test_names_are_case_sensitive_and_kept_apart_by_site(vault):
    other = vault.new_site("other")
    vault.put("Key")
    vault.put("key")
    vault.put("key", site=other.id)
    vault.secrets.delete(OWNER, vault.site.id, "key")
    assert vault.names() == ["Key"]
    assert stored(vault, "key", other.id)
    info = vault.secrets.get_info(OWNER, other.id, "key")
    with pytest.raises(SecretMissingError):
        vault.secrets.get_info(OWNER, vault.site.id, info.id)


def test_only_the_current_epoch_is_taken(vault):
    old = vault.key("a")
    sealed = seal(old, "a")
    vault.sites.publish_site_key(vault.site.id, published_key(vault.site.id, 2))
    with pytest.raises(EpochConflictError):
        vault.secrets.put(OWNER, vault.site.id, "a", sealed, old.revision, old.epoch)
    with pytest.raises(SealedFormError) as caught:
        vault.secrets.put(OWNER, vault.site.id, "a", sealed, old.revision, 2)
    assert caught.value.failure is Failure.EPOCH
    vault.put("a")


@pytest.mark.parametrize("broken", [b"", b"plain text", b"\x01" * 2000])
def test_what_is_not_sealed_is_refused(vault, broken):
    with pytest.raises(SealedFormError):
        vault.secrets.put(OWNER, vault.site.id, "a", broken, 1, 1)
    assert vault.names() == []


@pytest.mark.parametrize("name", ["", " a", "a ", "a\n", "a\0", "\u00e9", "x" * 129, "pa ss\nword", "a\tb", "\x7f"])
def test_a_bad_name_is_refused_everywhere(vault, name):
    key = vault.key()
    calls = [
        lambda: vault.secrets.put(OWNER, vault.site.id, name, seal(key, "a"), 1, 1),
        lambda: vault.secrets.sealing_key(OWNER, vault.site.id, name),
        lambda: vault.secrets.describe(OWNER, vault.site.id, name, ""),
        lambda: vault.secrets.delete(OWNER, vault.site.id, name),
    ]
    for call in calls:
        with pytest.raises(SecretNameError) as caught:
            call()
        assert len(name) < 3 or name not in caught.value.message + caught.value.hint
    with pytest.raises(SecretMissingError):
        vault.secrets.get_info(OWNER, vault.site.id, name)
    assert vault.secrets.list(OWNER, vault.site.id, name=name).items == ()


@pytest.mark.parametrize("description", ["x" * 501, "a\0b", "\ud800", "\x1b[31m"])
def test_a_bad_description_is_refused(vault, description):
    vault.put("a", description="line\nand\ttab")
    with pytest.raises(SecretDescriptionError):
        vault.put("a", description=description)
    with pytest.raises(SecretDescriptionError):
        vault.secrets.describe(OWNER, vault.site.id, "a", description)
    assert vault.secrets.get_info(OWNER, vault.site.id, "a").description == "line\nand\ttab"


@pytest.mark.parametrize("char", ["x", "\u0390", "\U0001d160", "\ufb03"])
def test_the_longest_description_fits(vault, char):
    name = "n" * 128
    vault.put(name, description=char * 500)
    assert vault.names(search=char * 50) == [name]


def test_what_is_not_there(vault):
    for call in (
        lambda: vault.secrets.delete(OWNER, vault.site.id, "none"),
        lambda: vault.secrets.describe(OWNER, vault.site.id, "none", "x"),
        lambda: vault.secrets.get_info(OWNER, vault.site.id, "none"),
        lambda: vault.secrets.get_info(OWNER, vault.site.id, MISSING_ID),
    ):
        with pytest.raises(SecretMissingError):
            call()
    assert events(vault) == []


def test_a_site_without_key_takes_nothing(vault):
    site = vault.sites.create(SYSTEM, "new")
    with pytest.raises(SiteKeyNotReadyError):
        vault.secrets.sealing_key(OWNER, site.id)
    with pytest.raises(SiteKeyNotReadyError):
        vault.secrets.put(OWNER, site.id, "a", seal(vault.key(), "a"), 1, 1)
    with pytest.raises(SiteMissingError):
        vault.secrets.sealing_key(OWNER, "site_none")
    with pytest.raises(SiteMissingError):
        vault.secrets.put(OWNER, "site_none", "a", seal(vault.key(), "a"), 1, 1)


def test_use_is_noted_and_never_goes_back(vault):
    vault.put("a")
    vault.put("b")
    vault.secrets.mark_used([])
    vault.secrets.mark_used([(vault.site.id, "a", 50), (vault.site.id, "a", 70), (vault.site.id, "gone", 70)])
    vault.secrets.mark_used([(vault.site.id, "a", 60)])
    assert vault.secrets.get_info(OWNER, vault.site.id, "a").last_used_ms == 70
    assert vault.secrets.get_info(OWNER, vault.site.id, "b").last_used_ms is None
    vault.put("a")
    assert vault.secrets.get_info(OWNER, vault.site.id, "a").last_used_ms == 70


def test_health_is_of_one_revision(vault):
    site = vault.site.id
    for name in "abc":
        vault.put(name)
    waiting = vault.secrets.unchecked(2)
    assert [(found.name, found.revision, found.epoch) for found in waiting] == [("a", 1, 1), ("b", 1, 1)]
    assert waiting[0].sealed == stored(vault, "a")[0]
    vault.put("b")
    vault.secrets.mark_health([(site, "a", 1, "authentication"), (site, "b", 1, "ok"), (site, "c", 1, "ok")])
    health = {item.name: item.health for item in vault.secrets.list(OWNER, site).items}
    assert health == {"a": "authentication", "b": "unchecked", "c": "ok"}
    assert [found.name for found in vault.secrets.unchecked(9)] == ["b"]
    vault.secrets.mark_unopenable([(site, "c", "undecryptable"), (site, "a", "rollback"), (site, "gone", "rollback")])
    assert [found.name for found in vault.secrets.unchecked(9)] == ["b", "c"]
    assert vault.secrets.recheck() == 1
    assert [found.name for found in vault.secrets.unchecked(9)] == ["a", "b", "c"]
    vault.secrets.mark_health([])
    vault.secrets.mark_unopenable([])


def test_checks_are_handed_out_in_bites(vault, monkeypatch):
    monkeypatch.setattr("nightdrop.secrets.upkeep._MAX_UNCHECKED_BYTES", 3000)
    for name in "abcd":
        vault.put(name)
    assert len(vault.secrets.unchecked(10)) == 2
    vault.put("a", b"x" * 5000)
    assert [found.name for found in vault.secrets.unchecked(10)] == ["a"]


def test_a_row_that_cannot_be_opened_is_listed_like_the_others(vault):
    vault.put("a")
    vault.put("broken")
    with vault.db.write() as connection:
        connection.execute(text("UPDATE secrets SET sealed = :junk WHERE name = 'broken'"), {"junk": b"\xff"})
    vault.secrets.mark_health([(vault.site.id, "broken", 1, "format")])
    listed = vault.secrets.list(OWNER, vault.site.id).items
    assert [(item.name, item.health) for item in listed] == [("a", "unchecked"), ("broken", "format")]
    assert vault.put("broken").health == "unchecked"


def test_a_secret_that_scripts_use_is_deleted_only_when_confirmed(vault):
    vault.put("used", b"value")
    vault.put("unused", b"value")
    scripts = ScriptStore(vault.db, vault.clock)
    for name in ("one", "two"):
        scripts.push(OWNER, vault.site.id, name, 'Log(GetSecret("used"))')
    assert vault.secrets.count_uses(OWNER, vault.site.id, ["used", "unused", "none"]) == {"used": 2}
    assert vault.secrets.count_uses(OWNER, vault.site.id, []) == {}
    with pytest.raises(SecretInUseError):
        vault.secrets.delete(OWNER, vault.site.id, "used")
    assert vault.secrets.get_info(OWNER, vault.site.id, "used").name == "used"
    vault.secrets.delete(OWNER, vault.site.id, "unused")
    vault.secrets.delete(OWNER, vault.site.id, "used", confirmed=True)
    assert vault.secrets.count_uses(OWNER, vault.site.id, ["used"]) == {"used": 2}
