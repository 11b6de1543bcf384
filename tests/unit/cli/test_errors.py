"""What is printed when the server refuses."""

import json

import pytest

from nightdrop.cli.errors import ApiError, fail

USERS = [
    {"id": "scr_1", "name": "nightly", "certain": True},
    {"id": "scr_2", "name": "weekly", "certain": True},
    {"id": "scr_3", "name": "vague", "certain": False, "computed": True, "read_ms": None},
    {"id": "scr_4", "name": "former", "certain": False, "computed": False, "read_ms": 1},
]
IN_USE = {"code": "secret_in_use", "detail": "Scripts use this secret.", "hint": "Look.", "scripts": USERS}


def test_the_scripts_that_use_a_secret_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"):
        fail(ApiError(IN_USE, 409), as_json=False)
    assert capsys.readouterr().err.splitlines() == [
        "error: Scripts use this secret.",
        "Scripts that use it: nightly, weekly",
        "Scripts that may use it (they compute names): vague",
        "Scripts that read it, but no longer name it: former",
        "hint: Look.",
    ]


def test_the_scripts_are_in_the_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"):
        fail(ApiError(IN_USE, 409), as_json=True)
    assert json.loads(capsys.readouterr().out)["error"]["scripts"] == USERS


def test_other_errors_say_nothing_of_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        with pytest.raises(SystemExit, match="1"):
            fail(ApiError({"code": "x", "detail": "No."}, 409), as_json=as_json)
        printed = capsys.readouterr()
        assert "cripts" not in printed.out + printed.err
