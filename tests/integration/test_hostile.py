"""Hostile scripts on the command line: each ends in its plain state, with a plain reason, and the next run is served."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support import Installation

MEMORY = "killed: used more than its 128 MiB of memory"
SHORT = ("--timeout", "1.5")


@pytest.fixture
def server(shared_server: Installation) -> Iterator[Installation]:
    """One installation for all; whatever a script did, the next run must be served."""
    yield shared_server
    after = shared_server.exec_js('Log("next");')
    assert (after.status, after.out, after.err) == (0, "next\n", "")


@pytest.mark.parametrize(
    ("code", "arguments", "message"),
    [
        ("while (true) {}", SHORT, "timed out: took longer than 1.5 s"),
        ("try { for (;;); } finally { for (;;); }", SHORT, "timed out: took longer than 1.5 s"),
        ("async function f() { for (;;) await null; } f();", SHORT, "timed out: took longer than 1.5 s"),
        (r'/^(a+)+$/.test("a".repeat(40) + "!");', SHORT, "timed out: took longer than 1.5 s"),
        ("Sleep(60000);", SHORT, "timed out: took longer than 1.5 s"),
        ("function f() { f(); } f();", (), "failed: RangeError: too much recursion"),
        (
            "const a = []; a[0] = a; let b = a; for (let i = 0; i < 1e5; i++) b = [b]; JSON.stringify(b);",
            (),
            "failed: ",
        ),
        ("throw null", (), "failed: the script threw null"),
        ("throw undefined", (), "failed: the script threw undefined"),
        ("throw { get message() { throw 1; } };", (), "failed: the script threw "),
        ("throw new Proxy(new Error('x'), { get() { throw 1; } });", (), "failed: "),
        ("let x = ;", (), "failed: SyntaxError: unexpected token in expression: ';' (script.js:1:9)"),
        ("'", (), "failed: SyntaxError: unexpected end of string (script.js:1:1)"),
    ],
)
def test_it_ends_with_its_reason(server: Installation, code: str, arguments: tuple[str, ...], message: str) -> None:
    result = server.exec_js(code, *arguments)
    assert result.status == 1
    assert result.out == ""
    assert result.err.startswith(message)
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    "code",
    [
        "new ArrayBuffer(1 << 30);",
        '"x".repeat(1 << 29) + "y".repeat(1 << 29);',
        "const a = []; for (;;) a.push(new Uint8Array(1 << 20));",
        "const a = []; for (;;) a.push({ a: 1, b: [] });",
        'const s = "x".repeat(30 << 20); for (;;) Log(s + s + s);',
        'const s = "x".repeat(60 << 20); JSON.stringify([s, s, s]);',
        "const big = () => new ArrayBuffer(1 << 30); throw big();",
    ],
)
def test_too_much_memory_has_one_message_wherever_it_runs_out(server: Installation, code: str) -> None:
    result = server.exec_js(code)
    assert result.status == 1
    assert result.err.splitlines()[-1].split(" (")[0] == MEMORY


@pytest.fixture
def large_body() -> Iterator[str]:
    """A server that sends 60 MiB."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(60 << 20))
            self.end_headers()
            for _ in range(60):
                self.wfile.write(b"x" * (1 << 20))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}"
        finally:
            httpd.shutdown()
            thread.join()


def test_an_answer_that_does_not_fit_has_the_same_message(server: Installation, large_body: str) -> None:
    result = server.exec_js(
        f'const s = new HttpCli().Url("{large_body}").Get(); const a = []; for (;;) a.push(s.BodyAsString());'
    )
    assert result.status == 1
    assert result.err.splitlines()[-1].split(" (")[0] == MEMORY


def test_a_flood_of_lines_stops_at_the_limit_and_the_run_goes_on(server: Installation) -> None:
    result = server.exec_js(
        'for (let i = 0; i < 13; i++) Log("y".repeat(1 << 20)); LogError("still here"); Exit();', "--json"
    )
    run = result.json
    assert (result.status, run["state"]) == (0, "succeeded")
    texts = [line["text"] for line in run["log"]]
    assert sum(map(len, texts)) <= 10 << 20
    assert sum(map(len, texts)) > 9 << 20
    assert texts[-2] == "log limit reached (10485760 bytes): the run goes on, further lines are dropped"
    assert texts[-1].endswith("lines were dropped")


def test_a_client_called_after_the_time_limit_reaches_nobody(server: Installation, http_server) -> None:
    code = f'const end = Date.now() + 2500; while (Date.now() < end); new HttpCli().Url("{http_server.url}").Get();'
    result = server.exec_js(code, *SHORT)
    assert (result.status, result.err) == (1, "timed out: took longer than 1.5 s\n")
    assert http_server.requests == []


def test_too_much_processor_time(server: Installation) -> None:
    server.ok("site", "add", "busy")
    server.ok("site", "set", "busy", "cpu=1")
    result = server.exec_js("for (;;);", "--site", "busy")
    assert (result.status, result.err) == (1, "killed: used more than its 1 s of processor time\n")


def test_a_script_of_two_megabytes_is_refused(server: Installation) -> None:
    code = "//" + "x" * (2 << 20)
    for result in (server.exec_js(code), _push(server, code)):
        assert (result.status, result.out) == (1, "")
        assert result.err.startswith("error: The script is larger than 1 MiB.\nhint: ")
        assert len(result.err) < 400
    assert server.ok("script", "ls", "--json").json == []


def _push(server: Installation, code: str):
    (server.folder / "large.js").write_text(code)
    return server.run("script", "push", "large.js")


def test_what_people_see_of_a_failed_run_says_the_same_everywhere(server: Installation) -> None:
    started = server.exec_js("\n  null.x;", "--json")
    run = started.json
    assert (run["state"], run["error"]["line"]) == ("failed", 2)
    shown = server.ok("run", "show", run["id"]).out
    listed = server.ok("run", "ls", "--limit", "1").out
    for text in (shown, listed):
        assert "TypeError: cannot read property 'x' of null (script.js:2:" in text
    assert json.loads(server.ok("run", "show", run["id"], "--json").out)["error"] == run["error"]
