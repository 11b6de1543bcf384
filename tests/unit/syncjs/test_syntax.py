"""Errors of syntax are found without running anything, by the engine itself."""

import json
import subprocess
import sys

import pytest

from nightdrop.syncjs import syntax


@pytest.mark.parametrize(
    "code",
    [
        "",
        "Log(1)",
        "{\n  const x = 1;\n  Log(x)\n}",
        "throw new Error('not run')",
        "while (true) {}",
        "const Log = 1; let a = 2; function f() {} class A {}",
        "var HaltSignalReceived = false;",
        "// only a comment",
        "/* only a comment */",
        "Log(`a\n${1}`)",
        "async function f() { await 1 } f();",
    ],
)
def test_what_can_be_run_has_no_error(code):
    assert syntax.check(code) is None


@pytest.mark.parametrize(
    ("code", "line", "column", "word"),
    [
        ("Log(1", 1, 6, "SyntaxError"),
        ("let = @", 1, 7, "unexpected token"),
        ("Log(1);\nif (x {\n}", 2, 7, "SyntaxError"),
        ("let a;\nlet a;", 2, 6, "redefinition"),
        ("return 1", 1, 1, "return"),
        ("Log('a\n')", 1, 5, "SyntaxError"),
        ("/* never closed", 1, 1, "SyntaxError"),
        ("await 1", 1, 7, "SyntaxError"),
    ],
)
def test_the_first_error_is_named_with_its_place(code, line, column, word):
    found = syntax.check(code)
    assert (found["line"], found["column"]) == (line, column), found
    assert word in found["message"]


def test_many_are_read_each_in_a_confined_process():
    codes = ["let x", "let x", "let x = ", "a" * 1000, "("]
    done = subprocess.run(
        [sys.executable, "-I", "-m", "nightdrop.syncjs.syntax"],
        input=json.dumps(codes),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(done.stdout)
    assert [answer and answer["line"] for answer in answers] == [None, None, 1, None, 1]


def test_what_cannot_be_read_is_an_error_and_harms_nothing():
    deep = "[" * 1_000_000
    done = subprocess.run(
        [sys.executable, "-I", "-m", "nightdrop.syncjs.syntax"],
        input=json.dumps([deep, "Log(1)"]),
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = json.loads(done.stdout)
    assert first["message"]
    assert second is None
