"""What the engine does with good, bad and hostile scripts, each ending by itself."""

import json

import pytest

from nightdrop.syncjs.engine import Engine
from nightdrop.syncjs.prelude import FIRST_LINE
from nightdrop.syncjs.table import TABLE

MEMORY = 48 << 20


class Host:
    """Answers a runner's calls without a gateway."""

    def __init__(self):
        self.calls = []
        self.secrets = {"key": "hunter22"}

    def __call__(self, op, arguments):
        decoded = json.loads(arguments)
        self.calls.append((op, decoded))
        if op == "log":
            return ""
        if op == "secret.get":
            value = self.secrets.get(decoded[0])
            return json.dumps({"v": value} if value is not None else {"v": None, "why": "there is no such secret"})
        if op == "secret.has":
            return json.dumps({"v": decoded[0] in self.secrets})
        return '{"v":null}'

    @property
    def log(self):
        return [tuple(arguments) for op, arguments in self.calls if op == "log"]

    @property
    def texts(self):
        return [text for _, text in self.log]


@pytest.fixture
def host():
    return Host()


def run(host, code, *, memory=MEMORY, params=None, name="main.js"):
    return Engine(host).run(code, name=name, params=params or {}, memory=memory)


def logged(host, code, **options):
    assert run(host, code, **options) is None
    return host.texts


@pytest.mark.parametrize(
    "code",
    [
        '{\nvar a = "x";\nif (a == "x") {\n  Log("ok");\n}\n}',
        "class A { #x = 1; get x() { return this.#x ?? 0; } } const a = new A(); Log(a?.x === 1 ? 'ok' : 'no');",
        "Log([3, 1, 2].toSorted().findLast((x) => x < 3) === 2 ? 'ok' : 'no')",
        "function f() { return this === globalThis } Log(f() ? 'ok' : 'no')",
        "with ({ word: 'ok' }) { Log(word) }",
        "#!/usr/bin/env nightdrop\nLog('ok')",
        "(async () => { await null; Log('ok'); })()",
        "let Log2 = Log; const Params = 5; function Sleep() { return 'ok' } Log2(Sleep())",
        "undeclared = 'ok'; Log(undeclared)",
    ],
)
def test_old_and_modern_scripts_run(host, code):
    assert logged(host, code) == ["ok"]


@pytest.mark.parametrize(
    ("code", "message", "line", "column"),
    [
        ("{\n  let a = null;\n  a.b();\n}", "cannot read property 'b' of null", 3, 3),
        ("var x = 1;\n\n\nlet = @", "unexpected token in expression: '@'", 4, 7),
        ("function f() {\n  throw new TypeError('boo')\n}\nf()", "boo", 2, 13),
        ("1 +", "unexpected token in expression: ''", 1, 4),
        ("return 1", "return not in a function", 1, 1),
        ("'use strict';\n(() => { undefinedName = 1 })()", "undefinedName is not defined", 2, 10),
        ("\n\neval('1 +')", "unexpected token in expression: ''", 3, 1),
        ("\nRequireSecret('none')", 'RequireSecret("none"): there is no such secret', 2, 1),
        ("\n\n JSON.parse('{')", None, 3, None),
        ("(async () => {\n  await null;\n  throw new RangeError('late')\n})()", "late", 3, 13),
    ],
)
def test_an_error_names_the_place_in_the_users_script(host, code, message, line, column):
    failure = run(host, code)
    assert failure.kind == "script"
    if message:
        assert failure.message == message
    assert failure.line == line
    if column:
        assert failure.column == column
    assert f"main.js:{line}" in failure.stack


def test_frames_of_the_prelude_are_not_shown(host):
    failure = run(host, "[1].forEach(() => RequireSecret('none'))")
    assert failure.stack.count("main.js:1:") >= 1
    assert all(int(part.split(":")[1]) == 1 for part in failure.stack.split() if "main.js" in part)


def test_the_longest_script_ends_before_the_prelude_begins(host):
    failure = run(host, "\n" * (1024 * 1024 - 8) + "null.x")
    assert failure.line == 1024 * 1024 - 7 < FIRST_LINE


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("throw null", "the script threw null"),
        ("throw undefined", "the script threw undefined"),
        ("throw 'x'", "the script threw x"),
        ("throw { a: 1 }", 'the script threw {"a":1}'),
        ("throw Symbol('s')", "the script threw Symbol(s)"),
        ("throw { toString() { throw 1 }, toJSON() { throw 2 } }", "the script threw [an object that cannot be shown]"),
        ("throw new Proxy({}, { get() { throw 5 } })", "the script threw [an object that cannot be shown]"),
        (
            "const e = new Error(); Object.defineProperty(e, 'message', { get() { throw 1 } }); throw e",
            "an object that cannot be shown",
        ),
        ("const e = new Error('m'); Object.defineProperty(e, 'stack', { value: 5 }); throw e", "m"),
        ("throw Object.assign(new Error('m'), { stack: 'at x (<input>:9999999999999:1)' })", "m"),
        ("Error.prepareStackTrace = () => ({}); throw new Error('m')", "m"),
        ("Error = null; throw new TypeError('m')", "m"),
        ("throw new Error('a\\0b\\ud800')", "a\0b\ud800"),
    ],
)
def test_whatever_is_thrown_is_survived(host, code, message):
    failure = run(host, code)
    assert (failure.kind, failure.message) == ("script", message)


@pytest.mark.parametrize(
    "code",
    [
        "const a = []; for (;;) a.push(new Array(1000).fill(1))",
        "const a = []; for (;;) a.push('abc' + a.length)",
        "new ArrayBuffer(1 << 30)",
        "'x'.repeat((1 << 29))",
        "var keep = []; (function deep() { for (;;) keep.push({ a: keep.length }) })()",
        "const m = new Map(); for (let i = 0; ; i++) m.set(i, { i })",
    ],
)
def test_an_exhausted_heap_is_called_out_of_memory(host, code):
    failure = run(host, code, memory=16 << 20)
    assert (failure.kind, failure.message) == ("memory", "out of memory")


def test_an_endless_string_has_a_limit_of_its_own(host):
    failure = run(host, "let s = 'x'; for (;;) s += s", memory=16 << 20)
    assert (failure.kind, failure.message, failure.line) == ("script", "string too long", 1)


def test_out_of_memory_can_be_caught_and_the_script_goes_on(host):
    assert logged(host, "try { new ArrayBuffer(1 << 30) } catch (e) { Log('caught') }") == ["caught"]


@pytest.mark.parametrize(
    "code",
    [
        "function f() { f() } f()",
        "const o = { get x() { return this.x } }; o.x",
        "let a = []; for (let i = 0; i < 200000; i++) a = [a]; JSON.stringify(a)",
        "JSON.parse('['.repeat(500000))",
        "eval('('.repeat(200000))",
        "new RegExp('(' .repeat(100000))",
    ],
)
def test_endless_recursion_ends_with_a_clear_message(host, code):
    failure = run(host, code)
    assert failure is not None
    assert failure.kind in {"script", "memory"}


def test_recursion_says_so(host):
    failure = run(host, "function f() {\n  f()\n}\nf()")
    assert failure.message == "too much recursion (Maximum call stack size exceeded)"
    assert failure.line == 2


def test_a_regular_expression_that_backtracks_ends(host):
    assert logged(host, "Log(/(a+)+$/.test('a'.repeat(20) + 'b'))") == ["false"]


def test_the_script_sees_the_declared_globals_and_no_others(host):
    code = "Log(Object.getOwnPropertyNames(globalThis).join())"
    names = set(logged(host, code)[0].split(","))
    declared = {f.name for f in TABLE.functions} | {v.name for v in TABLE.variables}
    declared |= {o.name for o in TABLE.objects if o.constructible}
    declared |= {c.name for group in TABLE.constants for c in group.constants}
    assert declared <= names
    assert (
        not {"__host", "host", "call", "table", "entry", "HttpRes", "setTimeout", "require", "process", "std", "os"}
        & names
    )


def test_constants_have_their_values(host):
    code = "Log(VfsTypeGCS, SortByNameDirsFirst, SortDesc, FromEnd, OverwriteIfNewer, LIST_DIRS, TLS_MODE_IMPLICIT, EVT_CHMOD)"
    assert logged(host, code) == ["GCP namedf desc 2 3 2 2 CHMOD"]


def test_every_constant_of_the_table_is_there(host):
    for group in TABLE.constants:
        for constant in group.constants:
            assert run(host, f"if ({constant.name} !== {json.dumps(constant.value)}) throw new Error()") is None


def test_the_host_function_cannot_be_reached(host):
    code = """
    const seen = [];
    JSON.stringify = (v) => { seen.push(v); return "[]" };
    JSON.parse = () => ({ v: "forged" });
    Function.prototype.call = () => 1;
    Log(GetSecret("key"), HasSecret("key"), typeof __host, seen.length);
    """
    assert logged(host, code) == ["hunter22 true undefined 0"]


@pytest.mark.parametrize(
    "code", ["GetSecret.x = 1", "HttpCli.prototype.New = 1", "HttpCli.x = 1", "console.log = 1", "Params.a = 2"]
)
def test_the_api_objects_are_frozen(host, code):
    failure = run(host, f"(() => {{ 'use strict'; {code} }})()", params={"a": 1})
    assert failure.name == "TypeError"


def test_secrets(host):
    code = "Log(GetSecret('key'), GetSecret('no') === '', GetSecret('no', 'fb'), HasSecret('no'), RequireSecret('key'))"
    assert logged(host, code) == ["hunter22 true fb false hunter22"]


@pytest.mark.parametrize("value", ["a\0b", "é😀", "\u2028", '"\\', "x" * 1_000_000, "line\r\nline"])
def test_a_value_crosses_unharmed(host, value):
    host.secrets["key"] = value
    assert logged(host, "Log(GetSecret('key'))") == [value]


@pytest.mark.parametrize("argument", ["undefined", "null", "5", "{}", "'\\ud800'", "10n", "Symbol()", "'a\\0b'"])
def test_getsecret_never_throws(host, argument):
    assert logged(host, f"Log(GetSecret({argument}) === '')") == ["true"]


def test_numbers_beyond_32_bits_cross_unharmed(host):
    code = "Log(Params.big === 3e9 && Params.bigger === 2 ** 40 && Params.safe === 2 ** 53 - 1)"
    assert logged(host, code, params={"big": 3_000_000_000, "bigger": 2**40, "safe": 2**53 - 1}) == ["true"]


def test_long_joined_strings_cross(host):
    assert len(logged(host, "let s = ''; for (let i = 0; i < 1e5; i++) s += 'abcdef'; Log(s)")[0]) == 600_000


def test_log_levels_and_forms(host):
    run(
        host,
        """
        Log("a", 1, null, undefined, true, [1, { b: 2 }], new RangeError("r"), 10n);
        LogWarn("w"); LogError("e"); console.log("l"); console.info("i"); console.debug("d");
        console.warn("cw"); console.error("ce"); Log(); Log(() => 1); Log(Symbol("s"));
        const cycle = {}; cycle.self = cycle; Log(cycle);
        """,
    )
    assert host.log == [
        ("info", 'a 1 null undefined true [1,{"b":2}] RangeError: r 10'),
        ("warn", "w"),
        ("error", "e"),
        ("info", "l"),
        ("info", "i"),
        ("info", "d"),
        ("warn", "cw"),
        ("error", "ce"),
        ("info", ""),
        ("info", "() => 1"),
        ("info", "Symbol(s)"),
        ("info", "[object Object]"),
    ]


def test_a_huge_log_text_is_cut_before_it_leaves(host):
    assert len(logged(host, "Log('x'.repeat(13 << 20))", memory=96 << 20)[0]) == 12 << 20


def test_a_wrong_name_gets_a_hint(host):
    assert run(host, "GetSecrt('a')").message == 'GetSecrt is not defined, did you mean "GetSecret"?'
    message = run(host, "new HttpCli().Heder('a', 'b')").message
    assert message == 'not a function: HttpCli has no "Heder", did you mean "Header"?'
    assert run(host, "new HttpCli().Url('http://x').Get().Body()").message.startswith(
        'not a function: HttpRes has no "Body"'
    )


def test_asking_for_an_unknown_name_is_no_error(host):
    assert logged(host, "Log(typeof new HttpCli().Proxy, typeof new HttpCli().toString)") == ["undefined function"]


@pytest.mark.parametrize("text", ["", "plain", "äöü€😀", "a\0b", "\u0800\uffff"])
def test_text_encoder_and_decoder_are_each_others_inverse(host, text):
    code = f"const s = {json.dumps(text)}; const b = new TextEncoder().encode(s); Log(b.length, new TextDecoder().decode(b) === s)"
    assert logged(host, code) == [f"{len(text.encode())} true"]


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"\xc3",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"a\xf0\x9f\x98",
        b"\xc0\x80",
        b"\xf0\x80\x80\x80",
    ],
)
def test_bytes_that_are_not_utf8_decode_as_python_does(host, data):
    code = f"Log(new TextDecoder().decode(new Uint8Array({list(data)})))"
    assert logged(host, code) == [data.decode("utf-8", "replace")]
    failure = run(host, f"new TextDecoder('utf-8', {{ fatal: true }}).decode(new Uint8Array({list(data)}))")
    assert failure.name == "TypeError"


def test_structured_clone_copies_deeply(host):
    code = """
    const source = { m: new Map([[1, new Set([2])]]), d: new Date(5), b: new Uint8Array([7]), n: null };
    source.self = source;
    const copy = structuredClone(source);
    source.b[0] = 8;
    Log(copy !== source, copy.self === copy, copy.m.get(1).has(2), copy.d.getTime(), copy.b[0], copy.n);
    """
    assert logged(host, code) == ["true true true 5 7 null"]


def test_a_host_that_raises_does_not_harm_the_engine():
    def broken(op, arguments):
        raise RuntimeError("private detail")

    engine = Engine(broken)
    failure = engine.run(
        "try { HasSecret('x') } catch (e) { throw new Error('caught ' + e.message) }",
        name="m",
        params={},
        memory=MEMORY,
    )
    assert failure.message == "caught the host could not answer"


def test_sleep_refuses_what_is_no_time(host):
    run(host, "Sleep('x'); Sleep(-1); Sleep(NaN); Sleep('5'); Sleep(0)")
    assert [call for call in host.calls if call[0] == "sleep"] == [("sleep", [5]), ("sleep", [0])]
    assert len(host.log) == 3


def test_assigning_to_a_method_is_noticed(host):
    code = "var c = new HttpCli(); c.Timeout = 15; var r = c.Url('http://x').Get(); Log(r.IsValid(), typeof c.Timeout)"
    problem = "HttpCli.Timeout is a method: call it, do not assign to it"
    assert host_log(host, code) == [("error", problem), ("info", "false function")]


def test_a_property_of_the_scripts_own_is_kept_and_one_that_looks_like_a_typo_is_named(host):
    code = "var c = new HttpCli(); c.timeout = 15; c.note = 'mine'; Log(c.note, c.timeout, Object.keys(c))"
    assert host_log(host, code) == [
        ("warn", 'HttpCli has no "timeout", did you mean "Timeout"?'),
        ("info", 'mine 15 ["timeout","note"]'),
    ]


def host_log(host, code):
    assert run(host, code) is None
    return host.log
