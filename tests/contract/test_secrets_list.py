"""Listing: searched, sorted, in pages, and flat however many there are."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from nightdrop.core.cursor import CursorError
from nightdrop.secrets.names import fold, search_text
from nightdrop.secrets.store import SortError
from vault import OWNER, fill

SOME_ID = "sec_00000000000000000000000000"
SORTS = ["name", "-name", "updated", "-updated", "used", "-used"]


def all_pages(vault, limit, **options):
    names, cursor = [], None
    while True:
        page = vault.secrets.list(OWNER, vault.site.id, limit=limit, cursor=cursor, **options)
        names += [item.name for item in page.items]
        if page.cursor is None:
            return names
        assert len(page.items) == limit
        cursor = page.cursor


@pytest.fixture
def many(vault):
    fill(vault, [(f"{'nN'[n % 2]}ame-{n:02}", f"number {n * 7 % 13}", n * 7 % 5, n % 3) for n in range(25)])
    fill(vault, [("elsewhere", "", 1, 1)], vault.new_site("other").id)
    return vault


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("search", [None, "number 1"])
def test_pages_put_together_are_the_whole_list(many, sort, search):
    whole = many.names(sort=sort, search=search)
    assert len(whole) == (25 if search is None else 8)
    for limit in (1, 4, 25):
        assert all_pages(many, limit, sort=sort, search=search) == whole
    turned = sort.removeprefix("-") if sort.startswith("-") else f"-{sort}"
    assert many.names(sort=turned, search=search) == whole[::-1]


def test_the_orders(vault):
    fill(vault, [("b", "", 1, 30), ("A", "", 3, 0), ("a", "", 3, 10), ("C", "", 2, 20)])
    assert vault.names(sort="name")[2:] == ["b", "C"]
    assert vault.names(sort="updated")[:2] == ["b", "C"]
    assert vault.names(sort="-used") == ["b", "C", "a", "A"]


def test_a_page_is_stable_while_rows_come_and_go(many):
    page = many.secrets.list(OWNER, many.site.id, limit=5)
    many.secrets.delete(OWNER, many.site.id, page.items[-1].name)
    fill(many, [("aaa", "", 1, 1), ("zzz", "", 1, 1)])
    after = many.secrets.list(OWNER, many.site.id, limit=100, cursor=page.cursor)
    assert [item.name for item in after.items] == [*sorted(many.names(), key=str.lower)[5:]]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("API", ["api_key", "other"]),
        ("strasse", ["street"]),
        ("STRA\u00dfE", ["street"]),
        ("50%", ["percent"]),
        ("a_k", []),
        ("i_k", ["api_key"]),
        ("\\", ["back"]),
        ("'; --", []),
        ("key\x1fthe", []),
        ("\0", []),
        ("\ud800", []),
        ("caf\u00e9", ["coffee"]),
        ("cafe\u0301", ["coffee"]),
        ("", ["api_key", "back", "coffee", "other", "percent", "street"]),
    ],
)
def test_search_is_for_plain_text_in_name_and_description(vault, search, found):
    fill(
        vault,
        [
            ("api_key", "the key", 1, 1),
            ("other", "an Api", 1, 1),
            ("street", "Stra\u00dfe", 1, 1),
            ("percent", "50% off", 1, 1),
            ("back", "a \\ b", 1, 1),
            ("coffee", "Caf\u00e9", 1, 1),
        ],
    )
    assert vault.names(search=search) == found


def test_an_exact_name(many):
    assert many.names(name="name-02") == ["name-02"]
    assert many.names(name="NAME-02") == []
    assert many.names(name="elsewhere") == []


@pytest.mark.parametrize("limit", [-1, 0, 10**9])
def test_the_limit_is_kept_in_bounds(many, limit):
    assert len(many.secrets.list(OWNER, many.site.id, limit=limit).items) == (25 if limit > 1 else 1)


def cursor_of(*parts):
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!!",
        "\u00e9",
        cursor_of(),
        cursor_of("updated", 1, SOME_ID),
        cursor_of("name", 1, SOME_ID),
        cursor_of("name", "a\0", SOME_ID),
        cursor_of("name", "a", "sec_x' OR 1=1"),
        cursor_of("name", ["a"], SOME_ID),
        cursor_of("name", "a" * 600, SOME_ID),
        "W" * 100_000,
    ],
)
def test_a_foreign_cursor_is_refused(many, cursor):
    with pytest.raises(CursorError):
        many.secrets.list(OWNER, many.site.id, cursor=cursor)


@pytest.mark.parametrize("key", [True, 2**63, -1, 1.5, None])
def test_a_cursor_with_a_bad_time_is_refused(many, key):
    with pytest.raises(CursorError):
        many.secrets.list(OWNER, many.site.id, sort="updated", cursor=cursor_of("updated", key, SOME_ID))


@pytest.mark.parametrize("sort", ["", "-", "size", "--name", "name; DROP TABLE secrets"])
def test_an_unknown_order_is_refused(many, sort):
    with pytest.raises(SortError):
        many.secrets.list(OWNER, many.site.id, sort=sort)


@given(st.text(max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_search_text_is_taken(many, search):
    assert set(many.names(search=search)) <= set(many.names())


def grams(vault):
    """What the index has, by secret: the set of its grams."""
    found = {}
    statement = (
        "SELECT s.name, g.site, g.gram FROM secret_grams g JOIN secret_numbers k ON k.number = g.number"
        " JOIN secrets s ON s.id = k.secret_id"
    )
    with vault.db.read() as connection:
        orphans = "SELECT count(*) FROM secret_grams WHERE number NOT IN (SELECT number FROM secret_numbers)"
        assert connection.execute(text(orphans)).scalar() == 0
        for name, site, gram in connection.execute(text(statement)):
            assert site == vault.site.id[-4:]
            found.setdefault(name, set()).add(gram)
    return found


def expected(name, description):
    whole = search_text(name, description)
    return {whole[i : i + 3] for i in range(len(whole) - 2)}


def test_the_index_follows_every_change_whoever_makes_it(vault):
    vault.put("api-key", description="The Stra\u00dfe")
    vault.put("b")
    assert grams(vault) == {"api-key": expected("api-key", "The Stra\u00dfe")}
    vault.put("api-key", b"another")
    vault.secrets.describe(OWNER, vault.site.id, "b", "\U0001f511\U0001f511")
    assert grams(vault) == {
        "api-key": expected("api-key", "The Stra\u00dfe"),
        "b": expected("b", "\U0001f511\U0001f511"),
    }
    vault.secrets.describe(OWNER, vault.site.id, "api-key", "")
    with vault.db.write() as connection:
        connection.execute(
            text("UPDATE secrets SET last_used_ms = 5, search = :search WHERE name = 'b'"), {"search": "bbbb"}
        )
    assert grams(vault) == {"api-key": expected("api-key", ""), "b": {"bbb"}}
    vault.secrets.delete(OWNER, vault.site.id, "api-key")
    with vault.db.write() as connection:
        connection.execute(text("DELETE FROM secrets"))
        assert connection.execute(text("SELECT count(*) FROM secret_grams")).scalar() == 0
        assert connection.execute(text("SELECT count(*) FROM secret_numbers")).scalar() == 0


_LETTERS = st.text(st.sampled_from("abAB \u00df\u00e9"), max_size=12)


@given(
    st.lists(_LETTERS, min_size=1, max_size=8), st.text(st.sampled_from("abAB \u00df\u00e9"), min_size=1, max_size=5)
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_index_finds_what_looking_at_everything_finds(vault, descriptions, search):
    with vault.db.write() as connection:
        connection.execute(text("DELETE FROM secrets"))
    fill(vault, [(f"n{number}", said, 1, 1) for number, said in enumerate(descriptions)])
    wanted = [
        f"n{number}" for number, said in enumerate(descriptions) if fold(search) in search_text(f"n{number}", said)
    ]
    assert vault.names(search=search) == wanted


def test_few_among_many_come_in_pages_and_in_each_order(vault):
    fill(vault, [(f"common-{n:04}", "", n, n) for n in range(1500)])
    fill(vault, [(f"rare-{n}", "common", n * 7 % 10, n) for n in range(10)])
    fill(vault, [("rare-elsewhere", "", 1, 1)], vault.new_site("other").id)
    for sort in SORTS:
        whole = vault.names(sort=sort, search="rare-")
        assert len(whole) == 10
        for limit in (1, 3, 10):
            assert all_pages(vault, limit, sort=sort, search="rare-") == whole
    assert len(vault.names(search="common", limit=500)) == 500
    assert vault.names(search="common-1499") == ["common-1499"]
    assert vault.names(search="common-1499x") == []


def plans(db, call):
    """The query plans of every statement on secrets that ``call`` sends."""
    from sqlalchemy import event

    sent = []
    listener = lambda connection, cursor, statement, parameters, *_: sent.append((statement, parameters))  # noqa: E731
    event.listen(db._read_engine, "before_cursor_execute", listener)
    call()
    event.remove(db._read_engine, "before_cursor_execute", listener)
    shown = []
    explain = "EXPLAIN QUERY PLAN " if db.is_sqlite else "EXPLAIN "
    with db.read() as connection:
        for statement, parameters in sent:
            if "secrets" in statement:
                rows = connection.exec_driver_sql(explain + statement, parameters).all()
                shown += [str(row[-1]) for row in rows]
    return shown


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("search", [None, "needle"])
def test_no_list_sorts_or_reads_everything(vault, sort, search):
    for site in (vault.site.id, vault.new_site("other").id):
        fill(vault, [(f"needle{n}", "", n, n) for n in range(1500)], site)
    with vault.db.write() as connection:
        connection.execute(text("ANALYZE"))
    first = vault.secrets.list(OWNER, vault.site.id, sort=sort, limit=2)
    index = "ix_secrets_by_" + sort.removeprefix("-")
    for cursor in (None, first.cursor):
        options = {"sort": sort, "search": search, "limit": 50, "cursor": cursor}
        shown = plans(vault.db, lambda options=options: vault.secrets.list(OWNER, vault.site.id, **options))
        text_of = "\n".join(shown)
        assert index in text_of, text_of
        assert "TEMP B-TREE" not in text_of, text_of
        assert "Sort" not in text_of, text_of
        assert not any(line.startswith("SCAN") or "Seq Scan on secrets " in line for line in shown), text_of


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("search", ["needle", "no such thing", "d49"])
def test_what_few_have_is_found_without_reading_the_list(vault, sort, search):
    for site in (vault.site.id, vault.new_site("other").id):
        fill(vault, [(f"n{n}", f"needle{n}" if n == 700 else f"d{n}", n, n) for n in range(1500)], site)
    with vault.db.write() as connection:
        connection.execute(text("ANALYZE"))
    shown = plans(vault.db, lambda: vault.secrets.list(OWNER, vault.site.id, sort=sort, search=search))
    text_of = "\n".join(shown)
    assert "ix_secrets_by" not in text_of, text_of
    assert not any(line.startswith("SCAN") or "Seq Scan on secrets" in line for line in shown), text_of
