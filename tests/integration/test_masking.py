"""What a person sees of a run that writes its secrets: on the terminal, in the stored log, in the error."""

import base64
import json
from urllib.parse import quote

import pytest

from support import Installation

VALUE = 'pass/word+"quoted"&more=1\\end'
LINES = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----"


@pytest.fixture(scope="module")
def server(shared_server: Installation) -> Installation:
    shared_server.ok("secret", "set", "value", stdin=VALUE)
    shared_server.ok("secret", "set", "lines", stdin=LINES)
    shared_server.ok("secret", "set", "short", stdin="abc")
    shared_server.ok("secret", "set", "shorter", stdin="xy")
    return shared_server


def logged(server: Installation, code: str) -> list[str]:
    """Run a script that succeeds; return its log, which must be the same wherever it is shown."""
    run = json.loads(server.exec_js(code, "--json").out)
    assert run["state"] == "succeeded", run
    texts = [line["text"] for line in run["log"]]
    assert [line["text"] for line in server.ok("logs", run["id"], "--json").json] == texts
    printed = server.ok("logs", run["id"])
    assert sorted((printed.out + printed.err.replace("warning: ", "")).splitlines()) == sorted(texts)
    return texts


FORMS = [
    VALUE,
    VALUE.encode().hex(),
    VALUE.encode().hex().upper(),
    quote(VALUE, safe=""),
    json.dumps(VALUE)[1:-1],
    json.dumps(json.dumps(VALUE)[1:-1])[1:-1],
    *(base64.b64encode(b"x" * n + VALUE.encode()).decode() for n in range(3)),
    *(base64.urlsafe_b64encode(b"x" * n + VALUE.encode() + b"y").decode() for n in range(3)),
]


@pytest.mark.parametrize("before", [0, 16_380, 65_530])
def test_every_form_is_masked_wherever_it_stands(server: Installation, before: int) -> None:
    """16 KiB and 64 KiB are where error texts and lines are cut."""
    lines = "".join(f'Log(".".repeat({before}) + " " + {json.dumps(form)} + " end");' for form in FORMS)
    shown = "".join(logged(server, f'GetSecret("value"); {lines}')).split(" end")
    assert len(shown) == len(FORMS) + 1
    for form, text in zip(FORMS, shown, strict=False):
        assert text.startswith("." * before)
        # A few characters of base64 depend on what stands beside the value.
        assert "***" in text[-8:]
        assert not any(form[start : start + 8] in text for start in range(len(form) - 7))


def test_a_value_that_is_logged_before_it_was_read_is_not_known(server: Installation) -> None:
    """The control: what masks is that the run was given the value."""
    assert logged(server, f"Log({json.dumps(VALUE)});") == [VALUE]


def test_every_line_of_a_value_with_many_lines(server: Installation) -> None:
    texts = logged(
        server, 'const v = GetSecret("lines"); Log(v); for (const line of v.split("\\n")) Log("<" + line + ">");'
    )
    assert texts[-4:] == ["<***>"] * 4
    assert not any(line in "\n".join(texts) for line in LINES.split("\n"))


def test_short_values_are_not_masked_and_the_log_says_so_once(server: Installation) -> None:
    texts = logged(server, 'Log(GetSecret("short")); Log(GetSecret("shorter")); Log(GetSecret("short"));')
    notice = "a secret has fewer than 4 characters: values that short are not masked in the log"
    assert texts == [notice, "abc", "xy", "abc"]


@pytest.mark.parametrize(
    "code",
    [
        'throw new Error("no: " + GetSecret("value"));',
        'throw GetSecret("value");',
        'throw new Error("." .repeat(16375) + GetSecret("value") + "." .repeat(20000));',
        'const e = new Error("x"); e.name = GetSecret("value"); throw e;',
        'const e = new Error("x"); e.stack = "at " + GetSecret("value") + " (<input>:1:1)"; throw e;',
        'throw { value: GetSecret("value"), list: [GetSecret("lines")] };',
        'JSON.parse(GetSecret("value"));',
        'globalThis[GetSecret("value")]();',
        'new Function(GetSecret("value"))();',
        'async function f() { throw new Error(GetSecret("value")); } f();',
        'new HttpCli()[GetSecret("value")]();',
    ],
)
def test_an_error_is_masked_wherever_it_is_shown(server: Installation, code: str) -> None:
    result = server.exec_js(code)
    run = server.ok("run", "ls", "--limit", "1", "--json").json[0]
    shown = [result.err, server.ok("run", "show", run["id"]).out, json.dumps(run, ensure_ascii=False)]
    assert (result.status, run["state"]) == (1, "failed")
    for text in shown:
        assert not any(part in text for part in ("pass/word", "quoted", "more=1", "MIIEvQ"))


def test_the_name_of_a_secret_is_never_a_value(server: Installation) -> None:
    """A value given where a name belongs is neither logged nor asked for."""
    texts = logged(
        server,
        'const v = GetSecret("value"); GetSecret(v); HasSecret(v); try { RequireSecret(v); } catch (e) { Log(e); }',
    )
    assert not any("pass/word" in text or "quoted" in text for text in texts)
    assert any("***" in text for text in texts)
