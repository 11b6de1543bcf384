"""The web pages as files: headers, caching, addresses."""

import gzip
import re

import pytest
from starlette.responses import PlainTextResponse

from nightdrop.api.app import create_app
from nightdrop.api.authenticate import always
from nightdrop.api.edge import Edge
from nightdrop.api.pages import BUILT, Pages, load_files
from nightdrop.core.caller import ANONYMOUS

NAME = "/assets/index-abc.js"
SCRIPT = b"console.log('a'); " * 50


async def behind(_scope, _receive, send):
    await PlainTextResponse("behind", 404)(_scope, _receive, send)


@pytest.fixture(name="folder")
def folder_fixture(tmp_path):
    web = tmp_path / "web"
    (web / "assets").mkdir(parents=True)
    (web / ".vite").mkdir()
    (web / "index.html").write_text('<meta property="csp-nonce" nonce="__CSP_NONCE__" />')
    (web / NAME.strip("/")).write_bytes(SCRIPT)
    (web / ".stamp").write_text("1")
    (web / ".vite" / "manifest.json").write_text("{}")
    (tmp_path / "secret.txt").write_text("outside")
    return web


@pytest.fixture(name="pages")
def pages_fixture(folder):
    return Edge(Pages(behind, load_files(folder)), always(ANONYMOUS))


@pytest.mark.parametrize("path", ["/", "/index.html", "/sites/a/secrets", "/setup", "/sign-in", "/sites/a.b/scripts"])
def test_the_address_of_a_page_answers_with_the_index_that_is_never_stored(ask, pages, path):
    answer = ask(pages, "GET", path)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_each_answer_has_its_own_nonce_in_the_page_and_in_the_policy(ask, pages):
    nonces = set()
    for _ in range(3):
        answer = ask(pages, "GET", "/")
        [nonce] = re.findall(rb'nonce="([\w-]{22})"', answer.body)
        assert f"style-src 'self' 'nonce-{nonce.decode()}'" in answer.headers["content-security-policy"]
        nonces.add(nonce)
    assert len(nonces) == 3


def test_the_policy_lets_scripts_come_from_here_alone(ask, pages):
    policy = dict(part.split(" ", 1) for part in ask(pages, "GET", "/").headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in str(policy)


def test_a_hashed_asset_may_be_kept_for_ever_and_comes_packed_to_who_takes_that(ask, pages):
    plain = ask(pages, "GET", NAME)
    assert (plain.body, plain.headers["cache-control"]) == (SCRIPT, "public, max-age=31536000, immutable")
    assert plain.headers["content-type"].startswith("text/javascript")
    assert plain.headers["x-content-type-options"] == "nosniff"
    packed = ask(pages, "GET", NAME, headers={"accept-encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.body) == SCRIPT
    assert int(packed.headers["content-length"]) == len(packed.body)


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/assets/..",
        "/..",
        "/a/../index.html",
        "/./x",
        "/.stamp",
        "/.vite/manifest.json",
        "/assets/gone-123.js",
        "/favicon.ico",
        "/api",
        "/api/",
        "/api/v2/x",
        "/health",
        "/metrics",
    ],
)
def test_what_is_no_page_goes_to_the_application(ask, pages, path):
    answer = ask(pages, "GET", path)
    assert b"outside" not in answer.body
    assert (answer.status, answer.body) == (404, b"behind") or answer.status == 401


def test_nothing_hidden_is_loaded(folder):
    assert sorted(load_files(folder)) == [NAME, "/index.html"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_reading_gets_a_page(ask, pages, method):
    assert ask(pages, method, "/").body == b"behind"


def test_an_unknown_path_of_the_api_is_a_problem_in_json(ask, folder):
    app = Edge(Pages(create_app(), load_files(folder)), always(ANONYMOUS))
    assert ask(app, "GET", "/api/v1/nothing").status == 401
    answer = ask(app, "GET", "/api/nothing")
    assert (answer.status, answer.json()["code"]) == (404, "route_not_found")


def test_without_built_pages_the_front_says_how_to_build_them(ask, tmp_path):
    app = Edge(Pages(behind, load_files(tmp_path / "none")), always(ANONYMOUS))
    assert b"script/build-ui" in ask(app, "GET", "/").body
    assert ask(app, "GET", "/sign-in").status == 404


def test_the_built_pages_are_there_and_name_no_other_host():
    files = load_files(BUILT)
    index = files["/index.html"].content.decode()
    assert not re.findall(r'(?:src|href)="(?!/)', index)
    for name in re.findall(r'(?:src|href)="(/[^"]+)"', index):
        assert name in files
    assert b"__CSP_NONCE__" in files["/index.html"].content
