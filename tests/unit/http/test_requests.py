"""What goes out, and what comes back, against a real server."""

import base64
import json
import socket

import pytest

from nightdrop import __version__


def echo(handler, body):
    sent = {"method": handler.command, "path": handler.path, "headers": handler.headers.items(), "body": body.hex()}
    return 200, [("Content-Type", "application/json"), ("X-Twice", "a"), ("X-Twice", "b")], json.dumps(sent).encode()


def sent(run, answer):
    return json.loads(run.service.body_text(answer["id"]))


def header(echoed, name):
    return [value for key, value in echoed["headers"] if key.lower() == name.lower()]


@pytest.fixture
def run(make_run):
    return make_run()


@pytest.fixture
def url(serve):
    return f"http://127.0.0.1:{serve(echo).port}"


def test_get(run, url):
    answer = run.ask(url + "/a/b?c=1")
    assert (answer["valid"], answer["status"], answer["error"]) == (True, 200, None)
    assert answer["url"] == url + "/a/b?c=1"
    assert answer["ms"] >= 0
    assert [value for name, value in answer["headers"] if name == "X-Twice"] == ["a", "b"]
    echoed = sent(run, answer)
    assert (echoed["method"], echoed["path"], echoed["body"]) == ("GET", "/a/b?c=1", "")
    assert header(echoed, "User-Agent") == [f"nightdrop/{__version__}"]
    assert header(echoed, "Cookie") == header(echoed, "Authorization") == []
    assert run.lines == []
    json.dumps(answer)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "purge"])
def test_methods(run, url, method):
    assert sent(run, run.ask(url, method))["method"] == method.upper()


def test_head_has_no_body_and_leaves_the_connection_usable(run, url):
    answer = run.ask(url, "HEAD")
    assert (answer["valid"], answer["status"]) == (True, 200)
    assert run.service.body_text(answer["id"]) == ""
    assert run.ask(url)["valid"]
    assert len(run.connector.asked) == 1


def test_connections_are_kept_per_origin(run, serve):
    first, second = serve(echo), serve(echo)
    for _ in range(3):
        assert run.ask(f"http://127.0.0.1:{first.port}/")["valid"]
        assert run.ask(f"http://127.0.0.1:{second.port}/", "POST", body="x")["valid"]
    assert run.connector.asked == [("127.0.0.1", first.port), ("127.0.0.1", second.port)]


def test_bodies(run, url):
    text = sent(run, run.ask(url, "POST", body="grüß"))
    assert bytes.fromhex(text["body"]) == "grüß".encode()
    assert header(text, "Content-Type") == []
    assert header(text, "Content-Length") == ["6"]
    data = bytes(range(256))
    coded = sent(run, run.ask(url, "PUT", body_b64=base64.b64encode(data).decode()))
    assert bytes.fromhex(coded["body"]) == data
    form = sent(run, run.ask(url, "POST", form=[["a b", "ü&"], ["a b", "="]]))
    assert bytes.fromhex(form["body"]) == b"a+b=%C3%BC%26&a+b=%3D"
    assert header(form, "Content-Type") == ["application/x-www-form-urlencoded"]
    own = sent(run, run.ask(url, "POST", form=[["a", "b"]], headers=[["content-type", "x/y"]]))
    assert header(own, "Content-Type") == ["x/y"]
    assert header(sent(run, run.ask(url, "POST")), "Content-Length") == ["0"]
    # What JavaScript can hold and UTF-8 cannot.
    assert bytes.fromhex(sent(run, run.ask(url, "POST", body="\ud800"))["body"]) == b"?"


def test_a_large_body_goes_out_and_comes_back(make_run, serve):
    run = make_run(body_limit=8 << 20)
    server = serve(lambda _handler, body: (200, [], body))
    data = "x" * (4 << 20)
    answer = run.ask(f"http://127.0.0.1:{server.port}/", "POST", body=data)
    assert run.service.body_text(answer["id"]) == data


def test_query(run, url):
    assert sent(run, run.ask(url, query=[["a", "1"], ["b c", "ü&="]]))["path"] == "/?a=1&b+c=%C3%BC%26%3D"
    assert sent(run, run.ask(url + "/p?x=%20y", query=[["a", "1"]]))["path"] == "/p?x=%20y&a=1"


def test_headers(run, url):
    echoed = sent(
        run, run.ask(url, headers=[["X-One", " 1 "], ["x-two", "grüß"], ["Accept", "a/b"], ["User-Agent", "me"]])
    )
    assert header(echoed, "X-One") == ["1"]
    assert header(echoed, "X-Two")[0].encode("latin-1") == "grüß".encode()
    assert (header(echoed, "Accept"), header(echoed, "User-Agent")) == (["a/b"], ["me"])


def test_framing_headers_are_ours(run, url):
    spoiled = [["Content-Length", "1"], ["Transfer-Encoding", "chunked"], ["Connection", "upgrade"], ["Upgrade", "h2c"]]
    echoed = sent(run, run.ask(url, "POST", body="four", headers=spoiled))
    assert bytes.fromhex(echoed["body"]) == b"four"
    assert header(echoed, "Content-Length") == ["4"]
    for name in ("Transfer-Encoding", "Connection", "Upgrade"):
        assert header(echoed, name) == []


def test_authorization(run, url):
    basic = "Basic " + base64.b64encode("user:pä:ss".encode()).decode()
    for answer in (
        run.ask(url, basic=["user", "pä:ss"]),
        run.ask(url.replace("//", "//user:p%C3%A4:ss@")),
        run.ask(url, basic=["user", "pä:ss"], headers=[["authorization", "old"]]),
    ):
        assert header(sent(run, answer), "Authorization") == [basic]
        assert "user" not in answer["url"]
    assert header(sent(run, run.ask(url, bearer="t0ken")), "Authorization") == ["Bearer t0ken"]
    assert header(sent(run, run.ask(url, headers=[["Authorization", "Own x"]])), "Authorization") == ["Own x"]


@pytest.mark.parametrize(
    "spec",
    [
        {"url": ""},
        {"url": None},
        {"url": 7},
        {"url": "127.0.0.1"},
        {"url": "/path"},
        {"url": "file:///etc/passwd"},
        {"url": "ftp://127.0.0.1/"},
        {"url": "http://"},
        {"url": "http:///x"},
        {"url": "http://127.0.0.1:0/"},
        {"url": "http://127.0.0.1:65536/"},
        {"url": "http://127.0.0.1:x/"},
        {"url": "http://0177.0.0.1/"},
        {"url": "http://127.0.0.1/\r\nX: y"},
        {"url": "http://127.0.0.1/\x00"},
        {"url": "http://a b/"},
        {"url": "http://\ud800/"},
        {"url": "http://" + "a" * 70000},
        {"method": ""},
        {"method": None},
        {"method": "GET /x HTTP/1.1\r\nX:"},
        {"method": "CONNECT"},
        {"method": "G T"},
        {"headers": [["X", "a\r\nInjected: 1"]]},
        {"headers": [["X", "a\nInjected: 1"]]},
        {"headers": [["X", "a\rb"]]},
        {"headers": [["X", "a\x00b"]]},
        {"headers": [["X\r\nInjected", "1"]]},
        {"headers": [["X:", "1"]]},
        {"headers": [["X Y", "1"]]},
        {"headers": [["", "1"]]},
        {"headers": [["\u00fc", "1"]]},
        {"headers": [["X", 1]]},
        {"headers": [["X"]]},
        {"headers": {"X": "1"}},
        {"headers": [["Host", "a"], ["Host", "b"]]},
        {"bearer": "a\r\nInjected: 1"},
        {"bearer": "\u00fc"},
        {"bearer": ""},
        {"basic": ["a:b", "c"]},
        {"basic": ["a", "b\n"]},
        {"basic": ["a"]},
        {"basic": "a:b"},
        {"body": "a", "form": [["a", "b"]]},
        {"body": "a", "body_b64": "YQ=="},
        {"body": 1},
        {"body_b64": "%%%"},
        {"body_b64": 1},
        {"form": {"a": "b"}},
        {"query": [["a"]]},
        {"query": [["a", "x" * 70000]]},
        {"timeout": -1},
        {"timeout": "5"},
        {"timeout": float("nan")},
        {"timeout": True},
    ],
)
def test_what_cannot_be_sent_is_a_result(run, url, serve, spec):
    answer = run.service.request({"method": "GET", "url": url, **spec})
    assert (answer["valid"], answer["status"]) == (False, 0)
    assert answer["error"].endswith(".")
    assert run.lines == [("error", answer["error"])]
    assert "internal error" not in answer["error"]
    assert "Injected" not in answer["error"]


def test_an_empty_spec_is_a_result(run):
    assert run.service.request({})["valid"] is False


@pytest.mark.parametrize("timeout", [None, 0, 0.0, 10**9])
def test_timeouts_that_are_no_limit_of_the_script(run, url, timeout):
    assert run.ask(url, timeout=timeout)["valid"]


def test_what_the_broker_says_is_the_reason(run, url):
    answer = run.ask("http://elsewhere.example:81/p?token=hidden")
    assert answer["error"] == (
        "GET http://elsewhere.example:81/p failed: A connection to elsewhere.example port 81 is not allowed: nowhere."
    )


def test_nothing_secret_is_logged(run):
    secrets = {"user": "u5er", "password": "pa55", "query": "qu3ry", "header": "h3ader", "fragment": "fr4g"}
    run.ask(
        "http://u5er:pa55@refused.example/path?k=qu3ry#fr4g",
        "POST",
        headers=[["X-Key", "h3ader"]],
        query=[["more", "qu3ry"]],
        bearer="h3ader",
        body="h3ader",
    )
    ((level, line),) = run.lines
    assert level == "error"
    assert line.startswith("POST http://refused.example/path failed: ")
    for secret in secrets.values():
        assert secret not in line


def test_names_in_other_scripts_and_ipv6(make_run, serve):
    server = serve(echo)
    run = make_run({"xn--bcher-kva.example": "127.0.0.1", "::1": ("127.0.0.1", server.port)})
    answer = run.ask(f"http://BÜCHER.example:{server.port}/")
    assert header(sent(run, answer), "Host") == [f"xn--bcher-kva.example:{server.port}"]
    assert header(sent(run, run.ask(f"http://[::1]:{server.port}/")), "Host") == [f"[::1]:{server.port}"]


def test_cookies_are_not_kept(run, serve):
    server = serve(lambda _handler, _body: (200, [("Set-Cookie", "a=b; Path=/")], b""))
    for _ in range(2):
        answer = run.ask(f"http://127.0.0.1:{server.port}/")
        assert ["Set-Cookie", "a=b; Path=/"] in answer["headers"]
    assert all(headers["Cookie"] is None for _, _, headers, _ in server.seen)


def test_a_kept_connection_that_the_server_closed_is_replaced(run, raw):
    served = []

    def once(connection, _request):
        served.append(1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if len(served) % 2:
            # Read the next request of this connection, then hang up without a word.
            connection.recv(65536)
            connection.shutdown(socket.SHUT_RDWR)

    port = raw(once)
    for _ in range(3):
        assert run.ask(f"http://127.0.0.1:{port}/")["status"] == 200


def test_environment_proxies_are_ignored(run, url, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert run.ask(url)["valid"]
