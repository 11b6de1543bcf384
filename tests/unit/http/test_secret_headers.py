"""Headers that are filled in from secrets: which request gets them, which is not sent."""

import pytest

from nightdrop.syncjs.secretcalls import KeeperGoneError


@pytest.fixture
def server(serve):
    def route(handler, body):
        if handler.path == "/away":
            return 302, [("Location", f"http://b.example:{handler.server.port}/end")], b""
        if handler.path == "/here":
            return 302, [("Location", "/end")], b""
        return 200, [], b"done"

    return serve(route)


@pytest.fixture
def run(make_run):
    run = make_run({"a.example": "127.0.0.1", "b.example": "127.0.0.1"})
    run.secrets |= {"key": "hunter22", "user": "me", "file": " from-a-file\n", "two": "one\ntwo", "odd name!": "odd"}
    return run


@pytest.mark.parametrize(
    ("template", "sent"),
    [
        ("Bearer {key}", "Bearer hunter22"),
        ("{key}", "hunter22"),
        ("{user}:{key};{key}", "me:hunter22;hunter22"),
        ("{{{key}}}", "{hunter22}"),
        ("{{key}} {odd name!}", "{key} odd"),
        ("{file}", "from-a-file"),
    ],
)
def test_the_value_goes_where_the_template_says(run, server, template, sent):
    answer = run.ask(f"http://a.example:{server.port}/", secret_headers=[["X-Key", template]])
    assert answer["valid"]
    assert server.seen[0][2].get_all("X-Key") == [sent]


def test_it_replaces_a_header_and_the_other_credentials(run, server):
    spec = {"basic": ["u", "p"], "headers": [["user-agent", "mine"]]}
    headers = [["Authorization", "Bearer {key}"], ["User-Agent", "{user}"]]
    assert run.ask(f"http://a.example:{server.port}/", secret_headers=headers, **spec)["valid"]
    assert server.seen[0][2].get_all("Authorization") == ["Bearer hunter22"]
    assert server.seen[0][2].get_all("User-Agent") == ["me"]


@pytest.mark.parametrize(
    ("name", "template", "reason"),
    [
        ("X-Key", "Bearer {none}", "HeaderFromSecret(X-Key): there is no value for the secret 'none'"),
        ("X-Key", "{two}", "the value of the header X-Key has line breaks or control characters"),
        ("X-Key", "key", "HeaderFromSecret(X-Key): the template names no secret in braces"),
        ("X-Key", "{{key}}", "HeaderFromSecret(X-Key): the template names no secret in braces"),
        ("X-Key", "{key", "HeaderFromSecret(X-Key): the template has a brace without a secret's name"),
        ("X-Key", "key} {key}", "HeaderFromSecret(X-Key): the template has a brace without a secret's name"),
        ("X-Key", "{} {key}", "HeaderFromSecret(X-Key): the template has a brace without a secret's name"),
        ("X-Key", "a\r\nX-More: {key}", "the value of the header X-Key has line breaks or control characters"),
        ("X Key", "{key}", "a header name has characters that are not allowed"),
        ("Content-Length", "{key}", "HeaderFromSecret(Content-Length): nightdrop sets this header itself"),
    ],
)
def test_without_the_header_there_is_no_request(run, server, name, template, reason):
    answer = run.ask(f"http://a.example:{server.port}/", secret_headers=[[name, template]])
    assert (answer["valid"], server.seen) == (False, [])
    assert reason in answer["error"]
    assert run.lines == [("error", answer["error"])]
    assert "hunter22" not in answer["error"]


def test_no_secret_is_asked_for_what_cannot_be_sent(run):
    for spec in ({"url": "ftp://a.example/"}, {"url": "http://a.example/", "headers": [["X", "a\nb"]]}):
        assert not run.ask(**spec, secret_headers=[["X-Key", "{key}"]])["valid"]
    assert not run.ask("http://a.example/", secret_headers=[["X-Key", "{key}"], ["X-Other", "{"]])["valid"]
    assert run.asked_secrets == []


@pytest.mark.parametrize(("path", "sent"), [("/here", ["Bearer hunter22"]), ("/away", None)])
def test_a_redirect_takes_it_along_only_on_the_same_host(run, server, path, sent):
    headers = [["Accept", "{user}"], ["Authorization", "Bearer {key}"]]
    assert run.ask(f"http://a.example:{server.port}{path}", secret_headers=headers)["status"] == 200
    assert server.seen[0][2].get_all("Authorization") == ["Bearer hunter22"]
    assert server.seen[1][2].get_all("Authorization") == sent
    # Nothing from a secret is harmless, whatever the header is called.
    assert server.seen[1][2].get_all("Accept") == (["me"] if sent else ["*/*"])


def test_each_request_asks_anew(run, server):
    run.ask(f"http://a.example:{server.port}/", secret_headers=[["X-Key", "{key}"]])
    run.secrets["key"] = "rotated"
    run.ask(f"http://a.example:{server.port}/", secret_headers=[["X-Key", "{key}"]])
    assert [seen[2]["X-Key"] for seen in server.seen] == ["hunter22", "rotated"]


def test_a_dead_keeper_ends_the_run(make_run):
    run = make_run()

    def gone(name):
        raise KeeperGoneError

    run.service._secret = gone
    with pytest.raises(KeeperGoneError):
        run.ask("http://127.0.0.1:9/", secret_headers=[["X-Key", "{key}"]])
