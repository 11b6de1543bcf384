import pytest
from sqlalchemy import text

from nightdrop.access.sites import SiteMissingError
from nightdrop.core.caller import SYSTEM, Caller
from nightdrop.core.cursor import CursorError
from nightdrop.core.errors import DeniedError
from nightdrop.core.script_text import ScriptEmptyError, ScriptNameError, ScriptNotTextError, ScriptTooLargeError
from nightdrop.scripts.model import (
    ScriptChangedError,
    ScriptDescriptionError,
    ScriptExistsError,
    ScriptMissingError,
    ScriptUse,
)
from nightdrop.scripts.store import ScriptStore

SITE, OTHER = "site_a", "site_b"
NOBODY = Caller(kind="session", name="nobody")


@pytest.fixture
def store(db, clock):
    with db.write() as conn:
        for site in (SITE, OTHER):
            conn.execute(text("INSERT INTO sites (id, name, created_ms) VALUES (:id, :id, 1)"), {"id": site})
    return ScriptStore(db, clock)


def events(db):
    with db.read() as conn:
        return list(conn.execute(text("SELECT event FROM audit ORDER BY seq")).scalars())


def versions(db):
    with db.read() as conn:
        return conn.execute(text("SELECT count(*) FROM script_versions")).scalar()


def test_a_push_stores_code_and_who_pushed_it(store, db, clock):
    pushed = store.push(SYSTEM, SITE, "sync files", "Log('héllo')", description="first")
    script = store.get(SYSTEM, SITE, "sync files")
    assert script.info == pushed
    assert (script.code, script.number, script.pushed_by, script.pushed_ms) == (
        "Log('héllo')",
        1,
        SYSTEM.name,
        clock.now_ms(),
    )
    assert store.get(SYSTEM, SITE, pushed.id).info == pushed
    assert events(db) == ["script.pushed"]


def test_unchanged_code_makes_no_version_and_no_entry(store, db):
    first = store.push(SYSTEM, SITE, "a", "Log(1)")
    assert store.push(SYSTEM, SITE, "a", "Log(1)") == first
    assert versions(db) == 1
    assert events(db) == ["script.pushed"]


def test_a_changed_script_gets_a_new_version_and_keeps_the_old(store, clock):
    first = store.push(SYSTEM, SITE, "a", "Log(1)", description="about")
    clock.advance(5)
    second = store.push(SYSTEM, SITE, first.id, "Log(2)")
    assert (second.id, second.version, second.description) == (first.id, 2, "about")
    assert second.updated_ms == first.updated_ms + 5
    assert store.get(SYSTEM, SITE, "a").code == "Log(2)"
    assert store.get(SYSTEM, SITE, "a", version=1).code == "Log(1)"
    with pytest.raises(ScriptMissingError):
        store.get(SYSTEM, SITE, "a", version=3)


def test_a_new_description_alone_makes_no_version(store):
    store.push(SYSTEM, SITE, "a", "Log(1)")
    assert store.push(SYSTEM, SITE, "a", "Log(1)", description="x").version == 1
    assert store.change(SYSTEM, SITE, "a", description="y").description == "y"
    assert store.get(SYSTEM, SITE, "a").info.description == "y"


def test_wishes_are_checked(store):
    with pytest.raises(ScriptMissingError):
        store.push(SYSTEM, SITE, "a", "1", create=False)
    first = store.push(SYSTEM, SITE, "a", "1", create=True)
    with pytest.raises(ScriptExistsError):
        store.push(SYSTEM, SITE, "a", "1", create=True)
    with pytest.raises(ScriptChangedError):
        store.push(SYSTEM, SITE, "a", "2", expected_version=2)
    with pytest.raises(ScriptMissingError):
        store.push(SYSTEM, OTHER, first.id, "2")
    assert store.push(SYSTEM, SITE, "a", "2", expected_version=1).version == 2


@pytest.mark.parametrize("name", ["", " a", "a ", "a\n", "a\tb", "a\0", "n" * 129, "\ud800", "a\u202eb"])
def test_a_bad_name_is_refused_and_not_repeated(store, name):
    with pytest.raises(ScriptNameError) as caught:
        store.push(SYSTEM, SITE, name, "1")
    assert not name or name not in caught.value.message


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("", ScriptEmptyError),
        ("a\0b", ScriptNotTextError),
        ("'\ud800'", ScriptNotTextError),
        ("x" * (1024 * 1024 + 1), ScriptTooLargeError),
        ("é" * (512 * 1024 + 1), ScriptTooLargeError),
    ],
)
def test_bad_code_is_refused(store, code, error):
    with pytest.raises(error):
        store.push(SYSTEM, SITE, "a", code)


def test_limits_are_inclusive(store):
    code = "é" * (512 * 1024)
    store.push(SYSTEM, SITE, "ñ" * 128, code, description="d" * 4096)
    assert store.get(SYSTEM, SITE, "ñ" * 128).code == code
    for bad in ("d" * 4097, "\0", "\ud800"):
        with pytest.raises(ScriptDescriptionError):
            store.push(SYSTEM, SITE, "a", "1", description=bad)


def test_an_unknown_site_is_an_error(store):
    with pytest.raises(SiteMissingError):
        store.push(SYSTEM, "site_none", "a", "1")


def test_sites_do_not_see_each_other(store):
    store.push(SYSTEM, SITE, "a", "GetSecret('s')")
    assert store.list(SYSTEM, OTHER).items == ()
    assert store.users_of(SYSTEM, OTHER, "s") == ()
    for act in (store.get, store.delete):
        with pytest.raises(ScriptMissingError):
            act(SYSTEM, OTHER, "a")
    store.push(SYSTEM, OTHER, "a", "2")
    assert store.get(SYSTEM, SITE, "a").code != "2"


def test_who_may_not_is_refused_and_nothing_happens(store, db):
    store.push(SYSTEM, SITE, "a", "1")
    for act in (
        lambda: store.push(NOBODY, SITE, "a", "2"),
        lambda: store.push(NOBODY, SITE, "a", "1"),
        lambda: store.get(NOBODY, SITE, "a"),
        lambda: store.list(NOBODY, SITE),
        lambda: store.delete(NOBODY, SITE, "a"),
        lambda: store.change(NOBODY, SITE, "a", description="x"),
        lambda: store.users_of(NOBODY, SITE, "s"),
    ):
        with pytest.raises(DeniedError):
            act()
    assert store.get(SYSTEM, SITE, "a").info.version == 1
    assert events(db) == ["script.pushed", *["access.denied"] * 7]


@pytest.mark.parametrize("sort", ["name", "updated"])
def test_pages_cover_the_list_once_in_order(store, clock, sort):
    for number in (3, 1, 4, 0, 2, 5, 6):
        store.push(SYSTEM, SITE, f"{'sS'[number % 2]}cript {number}", "1")
        clock.advance(number % 2)
    seen, cursor = [], None
    while True:
        page = store.list(SYSTEM, SITE, sort=sort, limit=3, cursor=cursor)
        seen += page.items
        if (cursor := page.cursor) is None:
            break
    assert len(seen) == len({item.id for item in seen}) == 7
    if sort == "name":
        assert [item.name[-1] for item in seen] == list("0123456")
    else:
        assert [item.updated_ms for item in seen] == sorted((item.updated_ms for item in seen), reverse=True)


def test_search_finds_text_and_takes_it_literally(store):
    store.push(SYSTEM, SITE, "Invoice_upload", "1", description="for ACME 100%")
    store.push(SYSTEM, SITE, "other", "1")
    for text_ in ("INVOICE", "acme", "e_u", "100%", "e 1"):
        assert [s.name for s in store.list(SYSTEM, SITE, search=text_).items] == ["Invoice_upload"]
    for text_ in ("e%u", "%%", "zzz", "\0", "\ud800", "!"):
        assert store.list(SYSTEM, SITE, search=text_).items == ()
    assert [s.name for s in store.list(SYSTEM, SITE, name="other").items] == ["other"]
    assert store.list(SYSTEM, SITE, name="\0").items == ()


@pytest.mark.parametrize("cursor", ["", "x", "é", "W10", "WyJ1cGRhdGVkIiwgMSwgImEiXQ", "eyJhIjoxfQ"])
def test_a_strange_cursor_is_refused(store, cursor):
    with pytest.raises(CursorError):
        store.list(SYSTEM, SITE, cursor=cursor)


@pytest.mark.parametrize("name", ["", "missing", "a\0b", "\ud800", "scr_" + "0" * 26])
def test_what_is_not_there_is_missing(store, name):
    with pytest.raises(ScriptMissingError):
        store.get(SYSTEM, SITE, name)
    with pytest.raises(ScriptMissingError):
        store.delete(SYSTEM, SITE, name)


def test_where_used_follows_the_newest_version(store):
    literal = store.push(SYSTEM, SITE, "literal", "GetSecret('s'); GetSecret('t')").id
    computed = store.push(SYSTEM, SITE, "computed", "GetSecret(name)").id
    both = store.push(SYSTEM, SITE, "both", "GetSecret('s'); GetSecret(name)").id
    store.push(SYSTEM, SITE, "none", "Log('s')")
    maybe = ScriptUse(computed, "computed", certain=False, computed=True)
    assert store.users_of(SYSTEM, SITE, "s") == (
        ScriptUse(both, "both", certain=True, computed=True),
        ScriptUse(literal, "literal", certain=True),
        maybe,
    )
    store.push(SYSTEM, SITE, "literal", "GetSecret('t')")
    store.push(SYSTEM, SITE, "both", "Log(1)")
    assert store.users_of(SYSTEM, SITE, "s") == (maybe,)
    store.delete(SYSTEM, SITE, "computed")
    assert store.users_of(SYSTEM, SITE, "s") == ()


def test_a_deleted_script_is_gone_with_its_code(store, db):
    script = store.push(SYSTEM, SITE, "a", "GetSecret('s')")
    store.push(SYSTEM, SITE, "a", "GetSecret('t')")
    store.delete(SYSTEM, SITE, "a")
    with pytest.raises(ScriptMissingError):
        store.get(SYSTEM, SITE, script.id)
    assert versions(db) == 0
    assert store.push(SYSTEM, SITE, "a", "1").version == 1
    assert events(db) == ["script.pushed", "script.pushed", "script.deleted", "script.pushed"]


def test_what_is_said_about_a_script_changes_and_its_code_does_not(store):
    pushed = store.push(SYSTEM, SITE, "a", "Log(1)", description="d")
    changed = store.change(SYSTEM, SITE, "a", name="b", idempotent=True)
    assert (changed.id, changed.name, changed.description, changed.idempotent) == (pushed.id, "b", "d", True)
    assert changed.version == 1
    assert store.get(SYSTEM, SITE, "b").code == "Log(1)"
    with pytest.raises(ScriptMissingError):
        store.get(SYSTEM, SITE, "a")


def test_a_script_does_not_take_the_name_of_another(store):
    store.push(SYSTEM, SITE, "a", "Log(1)")
    store.push(SYSTEM, SITE, "b", "Log(1)")
    with pytest.raises(ScriptExistsError):
        store.change(SYSTEM, SITE, "a", name="b")
    with pytest.raises(ScriptNameError):
        store.change(SYSTEM, SITE, "a", name=" x")
    assert {info.name for info in store.list(SYSTEM, SITE).items} == {"a", "b"}
