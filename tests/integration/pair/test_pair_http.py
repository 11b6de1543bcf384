"""Scripts talk HTTP to a real server through the pair."""

import hashlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

# The first example of the manual's page on secrets, its address made a parameter of the test.
MANUAL = """var apiKey = GetSecret("my-api-key");
if (apiKey == "") {
Log("ERROR: secret not found, aborting.");
} else {
var hc = new HttpCli();
var res = hc.Url("ADDRESS/notify")
.Header("Authorization", "Bearer " + apiKey)
.Timeout(15)
.Get();
Log("Response status: " + res.StatusCode());
}"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        status, headers, answer = self.server.answer
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.seen = []
    made.answer = (200, [("Content-Type", "text/plain; charset=utf-8"), ("X-One", "1")], b"hello")
    made.address = f"http://127.0.0.1:{made.server_address[1]}"
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def run(pair, server, code, **options):
    return pair.run(code.replace("ADDRESS", server.address), **options)


def test_the_first_example_of_the_manual(pair, server):
    pair.secrets["my-api-key"] = b"k-0123456789"
    result = run(pair, server, MANUAL)
    assert result.texts == ["Response status: 200"]
    (method, path, headers, _), *rest = server.seen
    assert (method, path, headers["Authorization"], rest) == ("GET", "/notify", "Bearer k-0123456789", [])


def test_the_example_without_the_secret(pair, server):
    result = run(pair, server, MANUAL)
    assert result.texts[-1] == "ERROR: secret not found, aborting."
    assert server.seen == []


@pytest.mark.parametrize("verb", ["Get", "Post", "Put", "Patch", "Delete", "Head"])
def test_each_verb(pair, server, verb):
    result = run(pair, server, f"var r = new HttpCli().Url('ADDRESS/x').{verb}(); Log(r.IsValid(), r.StatusCode())")
    assert result.texts == ["true 200"]
    assert server.seen[0][0] == verb.upper()


def test_a_verb_of_its_own(pair, server):
    result = run(
        pair,
        server,
        "Log(new HttpCli().Url('ADDRESS/x').Do('PROPFIND').BodyAsString(), new HttpCli().Url('ADDRESS').Do().Error())",
    )
    assert result.texts[-1] == "hello HttpCli.Do: customVerb must be of type string"
    assert [seen[0] for seen in server.seen] == ["PROPFIND"]


def test_everything_that_can_be_set_arrives(pair, server):
    code = """
    var hc = new HttpCli();
    hc.Url("ADDRESS/path?a=1").Header("X-Two", "old").Header("x-two", "2").Query("q", "a b&c").Query("many", [1, 2])
      .BasicAuth("me", "pw:1").ReqJSON({ k: "é" });
    hc.Timeout("5");
    Log(hc.Post().IsValid());
    Log(new HttpCli().Url("ADDRESS/form").Form("a", "x").Form("a", "é&").Form("b", [1, 2]).Post().StatusCode());
    Log(new HttpCli().Url("ADDRESS/form").ReqForm({ c: 3 }).Post().StatusCode());
    Log(new HttpCli().Url("ADDRESS/raw").BearerToken("tok").ReqBodyBytes(new Uint8Array([0, 255])).Put().StatusCode());
    Log(new HttpCli().Url("ADDRESS/text").ReqBody("pläin").Put().StatusCode());
    """
    assert run(pair, server, code).texts == ["true", "200", "200", "200", "200"]
    posted, form, whole, raw, text = server.seen
    assert posted[1] == "/path?a=1&q=a+b%26c&many=1&many=2"
    assert {k.lower(): v for k, v in posted[2].items()}["x-two"] == "2"
    assert posted[2]["Authorization"] == "Basic bWU6cHc6MQ=="
    assert (posted[2]["Content-Type"], json.loads(posted[3])) == ("application/json", {"k": "é"})
    assert form[3] == b"a=%C3%A9%26&b=1&b=2"
    assert form[2]["Content-Type"] == "application/x-www-form-urlencoded"
    assert whole[3] == b"c=3"
    assert (raw[2]["Authorization"], raw[3]) == ("Bearer tok", b"\x00\xff")
    assert text[3] == "pläin".encode()
    assert "Content-Type" not in text[2]


def test_everything_of_an_answer_can_be_read(pair, server):
    server.answer = (
        201,
        [("Content-Type", "application/json"), ("X-A", "1"), ("x-a", "2")],
        '{"n": [1, "é"]}'.encode(),
    )
    code = """
    var r = new HttpCli().Url("ADDRESS/j").Get();
    Log(r.StatusCode(), r.Header("x-A"), r.Headers()["x-a"], r.Header("none") === "", r.Url() === "ADDRESS/j");
    Log(r.BodyAsJSON().n[1], r.BodyAsString().length, r.BodyAsBytes().length, r.Error() === "", r.Duration() >= 0);
    Log(r.SaveToFile("out/answer.json"));
    """
    assert run(pair, server, code).texts[:2] == ["201 1, 2 1, 2 true true", "é 15 16 true true"]


def test_a_body_is_saved_below_the_sites_directory(pair, server, tmp_path):
    server.answer = (200, [], bytes(range(256)) * 1000)
    code = "var r = new HttpCli().Url('ADDRESS').Get(); Log(r.SaveToFile('a.bin'), r.SaveToFile('../b.bin'), r.SaveToFile(5))"
    result = run(pair, server, code, files=str(tmp_path))
    assert result.texts[-1] == "true false false"
    assert hashlib.sha256((tmp_path / "a.bin").read_bytes()).digest() == hashlib.sha256(server.answer[2]).digest()
    assert not (tmp_path.parent / "b.bin").exists()


def test_binary_bodies_cross_unharmed(pair, server):
    server.answer = (200, [], bytes(range(256)) * 400)
    code = "var b = new HttpCli().Url('ADDRESS').Get().BodyAsBytes(); let ok = b.length === 102400; for (let i = 0; i < b.length; i++) ok &&= b[i] === i % 256; Log(ok)"
    assert run(pair, server, code).texts == ["true"]


def test_text_that_is_not_json_gives_null(pair, server):
    result = run(pair, server, "Log(new HttpCli().Url('ADDRESS').Get().BodyAsJSON())")
    assert result.texts == ["HttpRes.BodyAsJSON: the body is not JSON", "null"]


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ("Url()", "HttpCli.Url: url must be of type string"),
        ("Url({})", "HttpCli.Url: url must be of type string"),
        ("Header('X')", "HttpCli.Header: value must be of type string"),
        ("Timeout('soon')", "HttpCli.Timeout: seconds must be of type number"),
        ("Timeout(-1)", "HttpCli.Timeout: the time must not be negative"),
        ("ReqBody({})", "HttpCli.ReqBody: body must be of type string"),
        ("ReqBodyBytes('x')", "HttpCli.ReqBodyBytes: bytes must be of type Uint8Array"),
        ("ReqJSON(undefined)", "HttpCli.ReqJSON: value must be of type unknown"),
        ("ReqJSON(() => 1)", "HttpCli.ReqJSON: the value has no JSON form"),
        ("ReqForm([1])", "HttpCli.ReqForm: form must be of type Record<string, string>"),
        ("Query('a', [{}])", "HttpCli.Query: value must be of type string | string[]"),
        ("BasicAuth('me')", "HttpCli.BasicAuth: password must be of type string"),
    ],
)
def test_a_bad_argument_makes_the_response_invalid_and_never_throws(pair, server, call, problem):
    code = f"var hc = new HttpCli().Url('ADDRESS'); var r = hc.{call}.Get(); Log(r.IsValid(), r.StatusCode(), r.BodyAsString() === '', r.BodyAsBytes().length, r.BodyAsJSON(), r.Error())"
    result = run(pair, server, code)
    assert result.end["state"] == "succeeded"
    assert result.texts == [problem, f"false 0 true 0 null {problem}"]
    assert server.seen == []


def test_no_answer_is_an_invalid_response(pair, server):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = pair.run(
        f"var r = new HttpCli().Url('http://127.0.0.1:{port}/').Get(); Log(r.IsValid(), r.StatusCode(), r.Error() !== '')"
    )
    assert result.texts[-1] == "false 0 true"
    assert len(result.texts) == 2


def test_a_dead_broker_ends_the_run(pair, server):
    pair.prepare = lambda: setattr(pair.broker, "die", True)
    result = run(pair, server, "var r = new HttpCli().Url('ADDRESS').Get(); Log('after ' + r.IsValid())")
    assert result.error["kind"] == "broker"
    assert not any("after" in text for text in result.texts)


def test_a_method_of_an_http_object_needs_its_object(pair):
    result = pair.run("const { Get } = new HttpCli();\nGet()")
    assert result.error["message"] == "TypeError: this method belongs to an HttpCli object"
    assert result.error["line"] == 2


def test_a_secret_in_an_answer_is_masked_in_the_log(pair, server):
    pair.secrets["my-api-key"] = b"k-0123456789"
    server.answer = (200, [], b"you sent k-0123456789")
    assert run(
        pair, server, "GetSecret('my-api-key'); Log(new HttpCli().Url('ADDRESS').Get().BodyAsString())"
    ).texts == ["you sent ***"]


def test_a_header_from_a_secret_that_the_script_never_has(pair, server):
    pair.secrets["my-api-key"] = b"k-0123456789"
    code = """
    var hc = new HttpCli().Url("ADDRESS/").HeaderFromSecret("Authorization", "Bearer {my-api-key}");
    Log(JSON.stringify(hc), hc.Get().StatusCode());
    hc.Header("Authorization", "mine").Get();
    hc.Header("authorization", "mine").HeaderFromSecret("Authorization", "{none}");
    Log(hc.Get().IsValid());"""
    result = run(pair, server, code)
    assert [headers["Authorization"] for _, _, headers, _ in server.seen] == ["Bearer k-0123456789", "mine"]
    assert result.texts == [
        "{} 200",
        '...FromSecret("none"): there is no such secret in this site',
        f"GET {server.address}/ failed: HeaderFromSecret(Authorization): there is no value for the secret 'none'.",
        "false",
    ]
    assert result.end["secrets"] == ["my-api-key"]


def test_a_header_from_a_secret_is_masked_when_the_server_sends_it_back(pair, server):
    pair.secrets["my-api-key"] = b"k-0123456789"
    server.answer = (200, [], b"you sent k-0123456789")
    code = 'Log(new HttpCli().Url("ADDRESS/").HeaderFromSecret("X-Key", "{my-api-key}").Get().BodyAsString())'
    assert run(pair, server, code).texts == ["you sent ***"]
