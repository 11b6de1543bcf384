import pytest
from sqlalchemy import text

from nightdrop.core.caller import SYSTEM, Caller
from nightdrop.core.cursor import CursorError
from nightdrop.core.errors import DeniedError
from nightdrop.core.script_text import MAX_NAME
from nightdrop.scripts.model import ScriptExistsError, ScriptMissingError
from nightdrop.scripts.store import ScriptStore
from nightdrop.scripts.versions import ScriptVersions

SITE, OTHER = "site_a", "site_b"


@pytest.fixture
def scripts(db, clock):
    with db.write() as conn:
        for site in (SITE, OTHER):
            conn.execute(text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), {"id": site})
    store = ScriptStore(db, clock)
    for number in (1, 2, 3):
        clock.advance(1000)
        store.push(SYSTEM, SITE, "a", f"Log({number})", description="d")
    return store


@pytest.fixture
def versions(db, scripts):
    return ScriptVersions(db, scripts)


def test_every_push_is_a_version(versions, clock):
    found, following = versions.list(SYSTEM, SITE, "a")
    assert [version.number for version in found] == [3, 2, 1]
    assert [version.pushed_ms for version in found] == [clock.now_ms() - back for back in (0, 1000, 2000)]
    assert {(version.pushed_by, version.size) for version in found} == {(SYSTEM.name, 6)}
    assert len({version.sha256 for version in found}) == 3
    assert following is None


def test_versions_come_in_pages(versions):
    first, cursor = versions.list(SYSTEM, SITE, "a", limit=2)
    second, end = versions.list(SYSTEM, SITE, "a", limit=2, cursor=cursor)
    assert [version.number for version in (*first, *second)] == [3, 2, 1]
    assert end is None
    for wrong in ("x", "-1", "9" * 10, "\u0663"):
        with pytest.raises(CursorError):
            versions.list(SYSTEM, SITE, "a", cursor=wrong)


def test_an_earlier_version_becomes_the_newest_and_nothing_is_lost(versions, scripts):
    restored = versions.restore(SYSTEM, SITE, "a", 1)
    assert restored.version == 4
    assert scripts.get(SYSTEM, SITE, "a").code == "Log(1)"
    assert scripts.get(SYSTEM, SITE, "a", 3).code == "Log(3)"
    assert restored.description == "d"
    assert versions.restore(SYSTEM, SITE, "a", 4).version == 4  # it is the newest already


def test_only_a_version_that_is_there_is_restored(versions):
    for script, number in (("a", 4), ("a", 0), ("none", 1)):
        with pytest.raises(ScriptMissingError):
            versions.restore(SYSTEM, SITE, script, number)
    with pytest.raises(ScriptMissingError):
        versions.list(SYSTEM, OTHER, "a")


def test_what_is_refused_restores_nothing(versions, scripts):
    def refuse(info):
        raise ScriptExistsError

    with pytest.raises(ScriptExistsError):
        versions.restore(SYSTEM, SITE, "a", 1, refuse)
    assert scripts.get(SYSTEM, SITE, "a").number == 3


def test_copies_get_names_of_their_own(versions, scripts):
    names = [versions.clone(SYSTEM, SITE, "a").name for _ in range(3)]
    assert names == ["a copy", "a copy 2", "a copy 3"]
    copy = scripts.get(SYSTEM, SITE, "a copy 2")
    assert (copy.code, copy.number, copy.info.description) == ("Log(3)", 1, "d")
    assert versions.clone(SYSTEM, SITE, "a", "mine").name == "mine"
    with pytest.raises(ScriptExistsError):
        versions.clone(SYSTEM, SITE, "a", "mine")


def test_a_copy_of_the_longest_name_has_a_name_that_is_not_too_long(versions, scripts):
    scripts.push(SYSTEM, SITE, "x" * MAX_NAME, "Log(1)")
    assert [len(versions.clone(SYSTEM, SITE, "x" * MAX_NAME).name) <= MAX_NAME for _ in range(12)] == [True] * 12


def test_who_may_only_look_looks(versions, db):
    viewer = Caller(kind="session", name="viewer", grants={SITE: frozenset({"scripts:view"})})
    assert len(versions.list(viewer, SITE, "a")[0]) == 3
    for call in (lambda: versions.restore(viewer, SITE, "a", 1), lambda: versions.clone(viewer, SITE, "a")):
        with pytest.raises(DeniedError):
            call()
    nobody = Caller(kind="session", name="nobody")
    with pytest.raises(DeniedError):
        versions.list(nobody, SITE, "a")
