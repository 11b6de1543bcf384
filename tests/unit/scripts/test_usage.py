import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightdrop.core.script_text import required_secrets
from nightdrop.scripts.tokens import Kind, tokens
from nightdrop.scripts.usage import SecretUsage, secret_usage


def names(code):
    usage = secret_usage(code)
    assert not usage.computed, code
    return sorted(usage.names)


@pytest.mark.parametrize(
    "code",
    [
        'GetSecret("a")',
        "GetSecret('a')",
        "GetSecret(`a`)",
        'GetSecret ( /* why */ "a" /* not */ )',
        'GetSecret(// line\n"a")',
        'GetSecret("a", "default")',
        'HasSecret("a") && RequireSecret("a")',
        'GetSecret?.("a")',
        'globalThis.GetSecret("a")',
        'GetSecret("\\x61")',
        'GetSecret("\\u0061")',
        'GetSecret("\\u{61}")',
        "GetSecret('\\\na')",
        'Get\\u0053ecret("a")',
        'cli.PassFromSecret = "a";',
        'cli.PassFromSecret = "a"\ncli.Connect()',
        'cli["PassFromSecret"] = "a"',
        'cli.KeyFileSecret = "a"',
        'cli.OTFEKeyFromSecret ??= "a"',
        'f({ PassFromSecret: "a" })',
        'f({ "PassFromSecret": "a", Host: h })',
        'cli.HeaderFromSecret("Authorization", "Bearer {a}")',
        'cli.HeaderFromSecret("X-Key", "{a}").HeaderFromSecret("X-Twice", "{{x}} {a}:" + "{a}")',
        'Log(`token ${GetSecret("a")} end`)',
        'Log(`x ${`y ${GetSecret("a")}`} } ${"`"}`)',
        '{ var s = GetSecret("a"); }',
        'var re = /GetX\\("b"\\)/g; GetSecret("a")',
        'var re = /["\'`]/; GetSecret("a")',
        'var re = /[/"]/; GetSecret("a")',
        'var x = 8 / 2; var s = "/"; GetSecret("a")',
        'var x = (1 + 2) / 3; GetSecret("a") / 2',
        'if (ok) /"/.test(t); GetSecret("a")',
        'while (i--) { i /= 2 } /"/.test(t); GetSecret("a")',
        'x++ / y; "/"; GetSecret("a")',
        'var y = a[0] / 2; var q = "/"; GetSecret("a")',
        'return /"/.test(GetSecret("a"))',
        'var n = 1e-5, h = 0xff, b = 1_000n, d = .5; GetSecret("a")',
        '#!/usr/bin/env "syncjs\nGetSecret("a")',
        'a = b ? GetSecret("a") : .5',
        'if (typeof GetSecret === "function") GetSecret("a")',
        'var o = { GetSecret: 1 }; GetSecret("a")',
    ],
)
def test_finds_a_literal_name(code):
    assert names(code) == ["a"]


@pytest.mark.parametrize(
    "code",
    [
        "",
        "Log('nothing')",
        '// GetSecret("a")',
        '/* GetSecret("a") */',
        "\"GetSecret('a')\"",
        '`GetSecret("a")`',
        'Log("GetSecret")',
        "MyGetSecret('a'); GetSecretary('a')",
        'if (cli.PassFromSecret == "a") {}',
        "var x = cli.PassFromSecret;",
        'cli.PassFromSecret = ""',
        'cli.APIKeySecret = "a"',
        'cli.HeaderFromSecret("X-Key", "no secret")',
        'cli.HeaderFromSecret("X-Key", "{a} {b")',
        'GetSecret("' + "n" * 129 + '")',
    ],
)
def test_finds_nothing_where_nothing_is_used(code):
    assert names(code) == []


@pytest.mark.parametrize(
    "code",
    [
        "GetSecret(name)",
        "GetSecret('a' + i)",
        "GetSecret(`a${i}`)",
        "GetSecret(String.raw`a`)",
        "GetSecret()",
        "GetSecret(ok ? 'a' : 'b')",
        "var g = GetSecret; g('a')",
        "['a'].map(GetSecret)",
        "globalThis['GetSecret']('a')",
        "globalThis['Get' + 'Secret']('a')",
        "eval(code)",
        "new Function(code)()",
        "cli.PassFromSecret = name",
        "cli.PassFromSecret = 'a' + name",
        "cli.PassFromSecret = 'a' || name",
        "cli.PassFromSecret += 'a'",
        "f({ PassFromSecret: name })",
        "cli.HeaderFromSecret(h, s)",
        "cli.HeaderFromSecret('X-Key', '{' + name + '}')",
        "GetSecret('a",
        "x = `GetSecret('a')",
        "var x = {} / GetSecret('a') / 2",
    ],
)
def test_says_when_a_name_is_not_literal(code):
    assert secret_usage(code).computed


def test_literal_parts_make_one_name():
    assert names('GetSecret("a" + "-" + `b`)') == ["a-b"]


def test_several_names_and_a_computed_one():
    usage = secret_usage('GetSecret("a"); RequireSecret("b"); HasSecret(which)')
    assert usage == SecretUsage(frozenset({"a", "b"}), computed=True)


@given(st.text(alphabet=st.sampled_from(list("aS`'\"/\\${}()[]*\n+.= \u2028é1")), max_size=60))
def test_any_text_is_tokenized_to_its_end(code):
    for token in tokens(code):
        assert token.kind in Kind
    secret_usage(code + " GetSecret")


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128))
def test_any_name_survives_quoting(name):
    body = "".join(f"\\u{{{ord(char):x}}}" for char in name)
    assert secret_usage(f'GetSecret("{body}")').names == {name}


@pytest.mark.parametrize("name", [" a", "a ", "\\n", "\\0", "\\ud800", "é"])
def test_a_name_that_no_secret_can_have_is_left_out(name):
    assert names(f'GetSecret("{name}")') == []


def test_a_megabyte_is_read_in_one_pass():
    code = "var a = b / c; // comment 'x\n" * 30_000 + 'GetSecret("deep")'
    assert names(code) == ["deep"]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("// requires: a, b\nLog(1)", ("a", "b")),
        ("#!/usr/bin/env nightdrop\n// Sends the report.\n\n//requires:a\n// requires: b, a,\nLog(1)", ("a", "b")),
        ("\ufeff// requires: a\n", ("a",)),
        ("Log(1)\n// requires: a", ()),
        ("/* requires: a */\n// requires: b", ()),
        ("// it requires: a", ()),
        ("// requires:", ()),
        ("", ()),
    ],
)
def test_what_a_script_says_that_it_requires(code: str, names: tuple[str, ...]) -> None:
    assert required_secrets(code) == names
    assert secret_usage(code).names == frozenset(names)
