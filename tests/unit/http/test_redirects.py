"""Redirects: which method, which body, and above all which headers go where."""

import pytest

CREDENTIALS = {
    "headers": [
        ["Authorization", "Bearer hidden"],
        ["Cookie", "hidden"],
        ["X-Api-Key", "hidden"],
        ["Proxy-Authorization", "hidden"],
        ["Accept", "a/b"],
        ["Content-Type", "text/x"],
    ]
}


def to(location, status=302):
    return status, [("Location", location)], b"moved"


@pytest.fixture
def hop(serve):
    """Yield a function that starts a server which answers /start with a redirect and all else with its own words."""

    def start(location, status=302, **options):
        def route(handler, body):
            if handler.path.startswith("/start"):
                return to(location() if callable(location) else location, status)
            return 200, [], b"arrived"

        return serve(route, **options)

    return start


@pytest.fixture
def run(make_run):
    return make_run({"a.example": "127.0.0.1", "b.example": "127.0.0.1", "secure.example": "127.0.0.1"})


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (301, "GET", "GET", b""),
        (301, "POST", "GET", b""),
        (301, "PUT", "PUT", b"data"),
        (302, "POST", "GET", b""),
        (302, "DELETE", "DELETE", b"data"),
        (303, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (303, "HEAD", "HEAD", b""),
        (307, "POST", "POST", b"data"),
        (308, "PUT", "PUT", b"data"),
    ],
)
def test_methods(run, hop, status, method, then, body):
    server = hop("/end?x=1", status)
    spec = {"body": "data"} if method not in ("GET", "HEAD") else {}
    answer = run.ask(f"http://a.example:{server.port}/start", method, **spec, **CREDENTIALS)
    assert (answer["status"], answer["url"]) == (200, f"http://a.example:{server.port}/end?x=1")
    assert [(seen[0], seen[1], seen[3]) for seen in server.seen[1:]] == [(then, "/end?x=1", body)]
    headers = server.seen[1][2]
    # Same origin: credentials stay; a body that is gone takes its description with it.
    assert headers["Authorization"] == "Bearer hidden"
    assert headers["Content-Type"] == (None if then == "GET" and method != "GET" else "text/x")
    assert len(run.connector.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("other", ["host", "port"])
@pytest.mark.parametrize("auth", [CREDENTIALS, {"basic": ["hidden", "hidden"]}, {"bearer": "hidden"}])
def test_credentials_stay_with_their_origin(run, hop, serve, status, other, auth):
    target = serve(lambda _handler, _body: (200, [], b"arrived"))
    server = hop(lambda: f"http://{'a' if other == 'port' else 'b'}.example:{target.port}/end", status)
    answer = run.ask(f"http://a.example:{server.port}/start", "POST", body="data", **auth)
    assert answer["status"] == 200
    assert server.seen[0][2]["Authorization"]
    assert target.seen[0][2]["Authorization"] is None
    assert "hidden" not in str(target.seen[0][2])
    if auth is CREDENTIALS:
        assert target.seen[0][2]["Accept"] == "a/b"


def test_url_credentials_stay_too(run, hop, serve):
    target = serve(lambda _handler, _body: (200, [], b""))
    server = hop(f"http://x:y@b.example:{target.port}/end")
    assert run.ask(f"http://u:p@a.example:{server.port}/start")["valid"]
    assert server.seen[0][2]["Authorization"] == "Basic dTpw"
    # Neither ours, nor ones that the redirecting server picked.
    assert target.seen[0][2]["Authorization"] is None


def test_credentials_do_not_come_back(run, hop, serve):
    back = []
    second = hop(lambda: back[0])
    first = hop(f"http://b.example:{second.port}/start")
    back.append(f"http://a.example:{first.port}/end")
    assert run.ask(f"http://a.example:{first.port}/start", **CREDENTIALS)["status"] == 200
    assert [seen[1] for seen in first.seen] == ["/start", "/end"]
    assert "hidden" not in str(first.seen[1][2])


def test_a_host_header_of_its_own_does_not_follow_to_another_host(run, hop, serve):
    target = serve(lambda _handler, _body: (200, [], b""))
    server = hop(f"http://b.example:{target.port}/end")
    assert run.ask(f"http://a.example:{server.port}/start", headers=[["Host", "internal"]])["valid"]
    assert server.seen[0][2]["Host"] == "internal"
    assert target.seen[0][2]["Host"] == f"b.example:{target.port}"


def test_from_https_to_http(trusting, server_tls, run, hop, serve):
    target = serve(lambda _handler, _body: (200, [], b"arrived"))
    server = hop(f"http://secure.example:{target.port}/end", 302, context=server_tls)
    assert run.ask(f"https://secure.example:{server.port}/start", **CREDENTIALS)["valid"]
    assert "hidden" in str(server.seen[0][2])
    assert "hidden" not in str(target.seen[0][2])
    kept = hop(f"http://secure.example:{target.port}/end", 307, context=server_tls)
    answer = run.ask(f"https://secure.example:{kept.port}/start", "POST", body="hidden")
    assert "from https to http" in answer["error"]
    assert len(target.seen) == 1


def test_loops_end(run, hop):
    server = hop("/start")
    answer = run.ask(f"http://a.example:{server.port}/start")
    assert (answer["valid"], answer["status"]) == (False, 0)
    assert "more than 10 times" in answer["error"]
    assert len(server.seen) == 11
    assert len(run.connector.asked) == 1


def test_ten_redirects_are_followed(run, serve):
    def count(handler, _body):
        number = int(handler.path[1:])
        return to(f"/{number - 1}") if number else (200, [], b"arrived")

    server = serve(count)
    assert run.ask(f"http://a.example:{server.port}/10")["status"] == 200
    assert not run.ask(f"http://a.example:{server.port}/11")["valid"]


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://a.example/",
        "gopher://a.example/",
        "javascript:alert(1)",
        "http://",
        "//",
        "http://a.example:0/",
        "http://a.example:99999/",
        "http://[::1",
        "http://0177.0.0.1/",
        "http://a b/",
        "\x01",
        "http://" + "x" * 66000,
    ],
)
def test_redirects_to_nowhere(run, raw, location):
    port = raw(lambda sock, _req: sock.sendall(f"HTTP/1.1 302 x\r\nLocation: {location}\r\n\r\n".encode()))
    answer = run.ask(f"http://a.example:{port}/start")
    assert (answer["valid"], answer["status"]) == (False, 0)
    assert "internal error" not in answer["error"]


def test_a_redirect_is_subject_to_the_same_rules(run, hop):
    server = hop("http://metadata.example/latest")
    answer = run.ask(f"http://a.example:{server.port}/start")
    assert "is not allowed" in answer["error"]
    assert run.connector.asked[-1] == ("metadata.example", 80)


def test_not_followed(run, hop, serve):
    server = hop("/end")
    answer = run.ask(f"http://a.example:{server.port}/start", redirects=False)
    assert (answer["valid"], answer["status"], answer["url"]) == (True, 302, f"http://a.example:{server.port}/start")
    assert run.service.body_text(answer["id"]) == "moved"
    for status in (300, 304, 302):
        plain = serve(lambda _handler, _body, status=status: (status, [], b"" if status == 304 else b"x"))
        assert run.ask(f"http://a.example:{plain.port}/")["status"] == status


def test_the_body_of_a_redirect_is_not_downloaded(run, raw):
    def endless(connection, request):
        if b"/start" in request:
            connection.sendall(b"HTTP/1.1 302 x\r\nLocation: /end\r\nContent-Length: 1000000000\r\n\r\nx")
            # Without ever sending the rest; the client must hang up.
            assert connection.recv(1) == b""
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    assert run.ask(f"http://a.example:{raw(endless)}/start")["status"] == 200
