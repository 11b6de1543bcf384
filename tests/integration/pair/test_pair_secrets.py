"""A script reads secrets; neither log nor error has a value."""

import base64

import pytest


def test_a_secret_reaches_the_script_and_not_the_log(pair):
    pair.secrets["key"] = b"hunter22-value"
    result = pair.run('var k = GetSecret("key"); Log("len " + k.length); Log("it is " + k + "!");')
    assert result.end == {"t": "end", "state": "succeeded", "error": None, "secrets": ["key"], "moved": 0}
    assert result.texts == ["len 14", "it is ***!"]
    assert result.statuses == {"gateway": 0, "runner": 0}


def test_a_missing_secret_is_empty_and_the_log_says_so(pair):
    result = pair.run('Log(GetSecret("nope") === "", GetSecret("nope", "fb"), HasSecret("nope"))')
    line = 'GetSecret("nope"): there is no such secret in this site'
    assert [(level, text) for _, level, text in result.lines] == [
        ("warn", line),
        ("warn", line),
        ("info", "true fb false"),
    ]
    assert result.end["state"] == "succeeded"
    assert result.end["secrets"] == []


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"m", "there is no such secret in this site"),
        (b"p", "its policy does not allow this script to read it"),
        (b"e", "it has expired"),
        (b"x", "it cannot be decrypted"),
        (b"r", "an older revision was put in its place, so it is not used"),
        (b"a", "the audit log cannot be written, so no value is released"),
    ],
)
def test_each_refusal_has_its_own_line(pair, reply, why):
    pair.refusals["key"] = reply
    result = pair.run('if (GetSecret("key") !== "") throw new Error("not empty"); RequireSecret("key")')
    assert result.texts == [f'GetSecret("key"): {why}', f'RequireSecret("key"): {why}']
    assert result.error["message"] == f'RequireSecret("key"): {why}'


@pytest.mark.parametrize("name", ["", "x" * 129, "é", "a\nb", "\ud800", None, 7])
def test_what_cannot_be_a_name_does_not_reach_the_keeper(pair, name):
    result = pair.run("Log(GetSecret(Params.name) === '', HasSecret(Params.name))", params={"name": name})
    assert result.texts[-1] == "true false"
    assert result.texts[0].endswith("this cannot be the name of a secret")
    assert pair.keeper.asked == []


@pytest.mark.parametrize("value", ["line one\nline two\r\n", "päss 😀 \u2028", "a\tb", "x" * (1 << 20), '"\\/'])
def test_a_value_reaches_the_script_byte_by_byte(pair, value):
    pair.secrets["key"] = value.encode()
    result = pair.run("if (GetSecret('key') !== Params.value) throw new Error('differs')", params={"value": value})
    assert result.end["state"] == "succeeded"


def test_a_value_is_masked_in_the_error_and_its_stack(pair):
    pair.secrets["key"] = b"hunter22-value"
    code = (
        'var k = GetSecret("key");\nvar o = {}; o[k] = function () { throw new TypeError("bad " + btoa(k)) };\no[k]()'
    )
    result = pair.run(code)
    assert result.error["message"] == "TypeError: bad ***"
    assert result.error["line"] == 2
    assert "hunter22" not in str(result.end)
    assert base64.b64encode(b"hunter22-value").decode() not in str(result.end)


def test_short_values_are_not_masked_and_the_log_says_so_once(pair):
    pair.secrets |= {"pin": b"123", "flag": b"no"}
    result = pair.run('GetSecret("pin"); GetSecret("flag"); GetSecret("pin"); Log("a123no")')
    assert result.texts == [
        "a secret has fewer than 4 characters: values that short are not masked in the log",
        "a123no",
    ]


@pytest.mark.parametrize("call", ["GetSecret('key', 'fallback')", "HasSecret('key')", "RequireSecret('key')"])
def test_a_dead_keeper_ends_the_run_and_gives_no_empty_value(pair, call):
    verb = b"has" if call.startswith("Has") else b"get"
    pair.prepare = lambda: setattr(pair.keeper, "die_on", verb + b"\0key")
    result = pair.run(f"Log('before'); let v; try {{ v = {call} }} catch (e) {{ v = 'caught' }} Log('after ' + v)")
    assert result.end["state"] == "failed"
    assert result.error["kind"] == "keeper"
    assert result.texts == ["before"]


@pytest.mark.parametrize("reply", [b"", b"?", b"y"])
def test_a_reply_that_is_none_ends_the_run(pair, reply):
    pair.refusals["key"] = reply
    result = pair.run("GetSecret('key')")
    assert result.error["kind"] == "keeper"
