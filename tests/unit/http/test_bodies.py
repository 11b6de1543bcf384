"""What becomes of an answer's body: text, bytes, a file."""

import base64
import codecs

import pytest

from nightdrop.syncjs.httptext import decode_text


@pytest.fixture
def files(tmp_path):
    root = tmp_path / "files"
    (root / "in" / "deep").mkdir(parents=True)
    return root


@pytest.fixture
def run(make_run, files):
    return make_run(body_limit=100_000, files=files)


@pytest.fixture
def get(run, serve):
    """Yield a function that fetches an answer with this body and type, and gives its id."""
    server = serve(lambda _handler, _body: server.answer)

    def fetch(body, content_type=None):
        server.answer = 200, [("Content-Type", content_type)] if content_type else [], body
        return run.ask(f"http://127.0.0.1:{server.port}/")["id"]

    return fetch


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("utf-8", "utf-8"),
        ("UTF8", "utf-8"),
        ('"utf-8"', "utf-8"),
        ("iso-8859-1", "latin-1"),
        ("ISO-8859-15", "iso8859-15"),
        ("windows-1252", "cp1252"),
        ("koi8-r", "koi8-r"),
        ("utf-16", "utf-16"),
        ("utf-16le", "utf-16-le"),
        ("Shift_JIS", "shift_jis"),
        ("EUC-JP", "euc_jp"),
        ("gb2312", "gb2312"),
        ("gb18030", "gb18030"),
        ("big5", "big5"),
        ("euc-kr", "euc_kr"),
        ("us-ascii", "ascii"),
        ("macintosh", "mac_roman"),
    ],
)
def test_charsets(charset, codec):
    text = {
        "shift_jis": "日本",
        "euc_jp": "日本",
        "gb2312": "中文",
        "gb18030": "中文",
        "big5": "中文",
        "euc_kr": "한국",
    }
    expected = text.get(codec, "Привет" if codec == "koi8-r" else "plain" if codec == "ascii" else "grüß")
    assert decode_text(expected.encode(codec), f"text/plain; charset={charset}") == expected


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "text/plain; charset=nonsense", "x; charset=utf-7", "charset="]
)
def test_utf8_is_the_default(content_type):
    assert decode_text("grüß+AGE-".encode(), content_type) == "grüß+AGE-"


def test_wrong_bytes_and_byte_order_marks():
    assert decode_text(b"a\xffb", "") == "a\ufffdb"
    assert decode_text(codecs.BOM_UTF8 + b"{}", "application/json") == "{}"
    assert decode_text(b"\x81", "text/plain; charset=shift_jis") == "\ufffd"


@pytest.mark.parametrize(
    "name", ["base64", "rot13", "zlib", "hex", "unicode_escape", "idna", "punycode", "mbcs", "../x"]
)
def test_a_charset_is_never_a_transformation(name):
    assert decode_text(b"abc=", f"text/plain; charset={name}") == "abc="


def test_text_and_bytes(run, get):
    number = get("grüß".encode("latin-1"), "text/plain; charset=latin-1")
    assert run.service.body_text(number) == "grüß"
    assert base64.b64decode(run.service.body_b64(number)) == "grüß".encode("latin-1")
    assert run.service.body_text(get(b"")) == ""


def test_recent_bodies_are_kept_up_to_the_limit(run, get):
    numbers = [get(bytes([65 + index]) * 40_000) for index in range(3)]
    assert run.service.body_text(numbers[0]) == ""
    assert "not kept any more" in run.lines[-1][1]
    assert run.service.body_text(numbers[1])[0] == "B"
    assert run.service.body_text(numbers[2])[0] == "C"
    assert run.service.body_b64(10**6) == ""


def test_save(run, get, files):
    number = get(b"\x00data\xff")
    for path in ("a.bin", "in/deep/c d ü.bin", "./in//x.bin", str(files / "in" / "b.bin")):
        assert run.service.save(number, path) is True
        assert (files / path).read_bytes() == b"\x00data\xff"
    assert (files / "a.bin").stat().st_mode & 0o777 == 0o600
    assert run.lines == []


def test_save_replaces_whole_files(run, get, files):
    (files / "a").write_bytes(b"old and longer")
    assert run.service.save(get(b"new"), "a")
    assert (files / "a").read_bytes() == b"new"
    assert sorted(path.name for path in files.iterdir()) == ["a", "in"]


@pytest.mark.parametrize(
    "path", ["", "/", ".", "..", "../x", "in/../../x", "/../x", "in/..", "a\x00b", "in/", "a/../../b", "/in/x"]
)
def test_save_stays_inside(run, get, files, path):
    assert run.service.save(get(b"x"), path) is False
    assert run.lines[-1][0] == "error"
    assert sorted(path.name for path in files.parent.rglob("*")) == ["deep", "files", "in"]


def test_save_follows_no_links(run, get, files, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "target").write_bytes(b"untouched")
    (files / "folder").symlink_to(outside)
    (files / "link").symlink_to(outside / "target")
    number = get(b"x")
    assert run.service.save(number, "folder/new") is False
    assert run.service.save(number, "link") is False
    assert (outside / "target").read_bytes() == b"untouched"
    assert [path.name for path in outside.iterdir()] == ["target"]


def test_save_failures_are_logged_and_leave_nothing(run, get, files):
    number = get(b"x")
    for path in ("missing/a", "in", "in/deep/" + "x" * 300):
        assert run.service.save(number, path) is False
        assert run.lines[-1][1].startswith("The answer was not saved to ")
    assert run.service.save(99, "a") is False
    assert sorted(path.name for path in files.rglob("*")) == ["deep", "in"]


def test_a_run_without_files(make_run, serve):
    run = make_run(files=None)
    server = serve(lambda _handler, _body: (200, [], b"x"))
    number = run.ask(f"http://127.0.0.1:{server.port}/")["id"]
    assert run.service.save(number, "a") is False
    assert "no directory" in run.lines[-1][1]
