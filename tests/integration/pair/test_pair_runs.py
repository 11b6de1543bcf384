"""How runs end, and what their logs look like."""

import os
import signal

import pytest

from nightdrop.syncjs.runlog import MAX_LINE_BYTES


def levels(result):
    return [(level, text) for _, level, text in result.lines]


def test_levels_order_and_times(pair):
    result = pair.run("Log('a'); LogWarn('b'); LogError('c'); console.log('d')")
    assert levels(result) == [("info", "a"), ("warn", "b"), ("error", "c"), ("info", "d")]
    times = [line[0] for line in result.lines]
    assert times == sorted(times)
    assert times[0] > 1_600_000_000_000


def test_a_script_error_names_script_line_and_column(pair):
    result = pair.run("\nfunction f() {\n  null.x\n}\nf()", script="move-files")
    assert result.end["state"] == "failed"
    assert result.error == {
        "kind": "script",
        "message": "TypeError: cannot read property 'x' of null",
        "line": 3,
        "column": 3,
        "stack": "at f (move-files:3:3)\nat move-files:5:1",
    }


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("let = @", "script", "SyntaxError: unexpected token in expression: '@'"),
        ("throw null", "script", "the script threw null"),
        ("throw 'x\\x1b[0m'", "script", "the script threw x\\x1b[0m"),
        ("new ArrayBuffer(1 << 30)", "memory", "out of memory"),
        ("function f() { f() } f()", "script", "RangeError: too much recursion (Maximum call stack size exceeded)"),
    ],
)
def test_failures(pair, code, kind, message):
    error = pair.run(code, script=None).error
    assert (error["kind"], error["message"]) == (kind, message)


@pytest.mark.parametrize(
    "code",
    [
        "Log('in'); Exit(); Log('out')",
        "try { Log('in'); Exit() } catch (e) { Log('caught') } finally { Log('finally') }",
        "{\n Log('in');\n if (true) { Exit(); }\n Log('out');\n}",
        "function f() { try { Exit() } finally { Log('finally'); f() } } Log('in'); f()",
    ],
)
def test_exit_ends_the_script_at_once_as_succeeded(pair, code):
    result = pair.run(code)
    assert result.texts == ["in"]
    assert result.end["state"] == "succeeded"


def test_params_arrive(pair):
    result = pair.run("Log(Params.city, Params.n + 1, Object.isFrozen(Params))", params={"city": "Oslo", "n": 2})
    assert result.texts == ["Oslo 3 true"]


def test_sleep_waits_at_least_that_long(pair):
    result = pair.run("const t = Date.now(); Sleep(20); Log(Date.now() - t >= 19)")
    assert result.texts == ["true"]


def test_a_line_arrives_while_the_script_is_still_busy(pair):
    pair.start("Log('working'); for (;;) {}")
    assert pair.next_lines()[0][2] == "working"


def test_a_line_arrives_while_the_script_sleeps(pair):
    pair.start("Log('sleeping'); Sleep(3600000)", limits={"wall": 3600})
    assert pair.next_lines()[0][2] == "sleeping"


def test_a_run_is_said_to_have_begun_before_anything_else(pair):
    pair.start("Log('up')")
    assert [pair.control.recv_json()["t"] for _ in range(2)] == ["begun", "log"]


def test_a_run_whose_runner_is_dead_has_not_begun(pair):
    os.kill(pair.pids["runner"], signal.SIGKILL)
    os.waitid(os.P_PID, pair.pids["runner"], os.WEXITED | os.WNOWAIT)
    pair.start("Log('up')")
    assert pair.control.recv_json()["t"] == "end"


@pytest.mark.parametrize("code", ["Log('up'); Sleep(3600000)", "Log('up'); for (;;) {}"])
def test_a_killed_runner_makes_the_run_fail(pair, code):
    pair.start(code, limits={"wall": 3600})
    assert pair.next_lines()
    os.kill(pair.pids["runner"], signal.SIGKILL)
    result = pair.finish()
    assert result.error["kind"] == "internal"
    assert result.error["message"] == "the script's process ended without a result"


@pytest.mark.parametrize(
    "code", ["Log('up'); Sleep(3600000)", "Log('up'); for (;;) Log('more')", "Log('up'); for (;;) HasSecret('x')"]
)
def test_the_pair_ends_when_the_worker_is_gone(pair, code):
    pair.start(code, limits={"wall": 3600})
    assert pair.next_lines()
    pair.control.close()
    assert os.waitpid(pair.pids.pop("gateway"), 0)[1] == 0
    assert os.waitstatus_to_exitcode(os.waitpid(pair.pids.pop("runner"), 0)[1]) == 1


def test_a_flood_of_lines_is_limited_and_the_run_goes_on(pair):
    result = pair.run("for (let i = 0; i < 20000; i++) Log('line ' + i); Log('end')", limits={"log": 20_000})
    assert result.end["state"] == "succeeded"
    assert any(text.startswith("log limit reached (20000 bytes)") for text in result.texts)
    assert result.texts[-1].endswith("lines were dropped")
    assert len(result.lines) < 1000


def test_lines_travel_in_batches(pair):
    result = pair.run("for (let i = 0; i < 5000; i++) Log(i)")
    assert result.texts == [str(number) for number in range(5000)]
    assert result.batches < 1000


def test_a_line_of_five_megabytes_is_cut(pair):
    result = pair.run("Log('x'.repeat(5000000))")
    assert sum(map(len, result.texts)) == 5_000_000
    assert max(map(len, result.texts)) <= MAX_LINE_BYTES


def test_nothing_of_the_machinery_is_left_in_the_global_scope(pair):
    result = pair.run("var mine; Log(typeof __host, Object.keys(globalThis))")
    assert result.texts == ['undefined ["performance","mine"]']


def test_a_missing_directory_of_the_site_makes_the_run_fail(pair, tmp_path):
    result = pair.run("Log('no')", files=str(tmp_path / "none"))
    assert result.error["message"] == "the site's directory cannot be opened"
    assert result.texts == []
