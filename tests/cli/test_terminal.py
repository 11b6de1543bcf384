"""What happens on a terminal: hidden prompts, questions, Ctrl-C, colours, narrow tables."""

import pytest

from cli.terminal import Terminal
from support import Installation, wait_until

VALUE = "typed-needle-51c1"


def stored(server: Installation, search: str) -> list[str]:
    return [secret["name"] for secret in server.ok("secret", "ls", "--search", search, "--json").json]


def prompt(terminal: Terminal, text: str) -> None:
    terminal.wait_for(text)
    terminal.wait_for_no_echo()


def test_a_value_is_asked_for_twice_and_never_shown(shared_server: Installation) -> None:
    with Terminal(shared_server, ["secret", "set", "typed"]) as terminal:
        prompt(terminal, "Value of typed: ")
        terminal.type(VALUE + "\n")
        prompt(terminal, "Again: ")
        terminal.type(VALUE + "\n")
        assert terminal.end() == 0
        assert terminal.shown.endswith("Secret typed stored.\n")
        assert VALUE not in terminal.shown
    result = shared_server.exec_js(f'Log(GetSecret("typed") === "{VALUE}");')
    assert result.out == "true\n"


def test_two_different_values_store_nothing(shared_server: Installation) -> None:
    with Terminal(shared_server, ["secret", "set", "mistyped"]) as terminal:
        prompt(terminal, "Value of mistyped: ")
        terminal.type(VALUE + "\n")
        prompt(terminal, "Again: ")
        terminal.type(VALUE + "x\n")
        assert terminal.end() == 1
        assert "error: The two entries differ.\n" in terminal.shown
        assert VALUE not in terminal.shown
    assert stored(shared_server, "mistyped") == []


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["ctrl-c", "ctrl-d"])
def test_a_prompt_can_be_left(shared_server: Installation, key: str) -> None:
    with Terminal(shared_server, ["secret", "set", "left"]) as terminal:
        prompt(terminal, "Value of left: ")
        terminal.type(key)
        assert terminal.end() == (130 if key == "\x03" else 1)
        assert "\nStopped" in terminal.shown
        assert "Traceback" not in terminal.shown
    assert stored(shared_server, "left") == []


def test_nobody_types_a_value_for_a_site_that_is_not_there(shared_server: Installation) -> None:
    with Terminal(shared_server, ["secret", "set", "x", "--site", "nowhere"]) as terminal:
        assert terminal.end() == 1
        assert "Value of" not in terminal.shown


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("\x03", 130)])
def test_removing_is_asked_for(shared_server: Installation, answer: str, status: int) -> None:
    shared_server.ok("secret", "set", "removable", stdin="v")
    shared_server.ok("script", "push", _script(shared_server, 'GetSecret("removable")'), "--name", "user of it")
    with Terminal(shared_server, ["secret", "rm", "removable"]) as terminal:
        terminal.wait_for("Remove removable for good? [y/N] ")
        assert "Scripts that use it: user of it\n" in terminal.shown
        terminal.type(answer)
        assert terminal.end() == status
        assert ("Secret removable removed." in terminal.shown) == (status == 0)
        assert ("error: Nothing was removed." in terminal.shown) == (status == 1)
    assert stored(shared_server, "removable") == ([] if status == 0 else ["removable"])


def test_a_script_that_came_after_the_question_was_not_confirmed(shared_server: Installation) -> None:
    shared_server.ok("secret", "set", "surprising", stdin="v")
    with Terminal(shared_server, ["secret", "rm", "surprising"]) as terminal:
        terminal.wait_for("Remove surprising for good? [y/N] ")
        for name, code in (("late", 'GetSecret("surprising")'), ("vague", "GetSecret(name)")):
            shared_server.ok("script", "push", _script(shared_server, code), "--name", name)
        terminal.type("y\n")
        assert terminal.end() == 1
        assert "error: This secret is used.\nScripts that use it: late\n" in terminal.shown
        assert "Scripts that may use it (they compute names): vague\n" in terminal.shown
    assert stored(shared_server, "surprising") == ["surprising"]
    for name in ("late", "vague"):
        shared_server.ok("script", "rm", name)


def test_ctrl_c_cancels_the_run_that_is_waited_for(shared_server: Installation) -> None:
    file = _script(shared_server, 'Log("begun"); Sleep(60000);')
    with Terminal(shared_server, ["exec", file]) as terminal:
        terminal.wait_for("begun")
        terminal.interrupt()
        assert terminal.end() == 130
        assert "\nCancelling run_" in terminal.shown
        assert terminal.shown.endswith("cancelled\x1b[0m\n")
        # The log is not printed again when following goes on.
        assert terminal.shown.count("begun") == 1
        run = terminal.shown.partition("Cancelling ")[2].partition(".")[0]
    assert shared_server.ok("run", "show", run, "--json").json["state"] == "cancelled"


def test_ctrl_c_leaves_a_run_that_is_only_followed(shared_server: Installation) -> None:
    file = _script(shared_server, 'Log("begun"); Sleep(60000);')
    run = shared_server.ok("exec", file, "--no-wait").out.strip()
    with Terminal(shared_server, ["logs", run, "--follow"]) as terminal:
        terminal.wait_for("begun")
        terminal.interrupt()
        assert terminal.end() == 130
        assert f"The run goes on. See: nightdrop logs {run} --follow\n" in terminal.shown
    assert shared_server.ok("run", "show", run, "--json").json["state"] == "running"
    shared_server.ok("run", "cancel", run)
    wait_until(
        lambda: shared_server.ok("run", "show", run, "--json").json["state"] == "cancelled", "the run is cancelled"
    )


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_can_be_switched_off(shared_server: Installation, environment: dict[str, str], coloured: bool) -> None:
    file = _script(shared_server, 'LogWarn("careful");')
    with Terminal(shared_server, ["exec", file], environment=environment) as terminal:
        assert terminal.end() == 0
        assert "warning: careful" in terminal.shown
        assert ("\x1b[" in terminal.shown) == coloured


def test_a_script_cannot_speak_to_the_terminal(shared_server: Installation) -> None:
    code = r'Log("a\u001b[2Jb\tc"); LogWarn("d\u001b]0;e\u0007"); throw new Error("f\u001b[1m");'
    file = _script(shared_server, code + "// \x1b]0;g\x07")
    shared_server.ok("script", "push", file, "--name", "speaker")
    for arguments in (["script", "run", "speaker"], ["script", "show", "speaker"]):
        with Terminal(shared_server, arguments, environment={"NO_COLOR": "1"}) as terminal:
            terminal.end()
            assert "2Jb" in terminal.shown
            assert not {"\x1b", "\x07"} & set(terminal.shown)
    # A file gets the script as it is.
    assert "// \x1b]0;g\x07" in shared_server.ok("script", "show", "speaker").out


def test_a_table_fits_a_narrow_terminal_and_keeps_names(shared_server: Installation) -> None:
    shared_server.ok("site", "add", "narrow")
    name = "a-name-that-is-long-enough-to-matter"
    description = "A description with 寿司 and many more words than there is room for"
    shared_server.ok("secret", "set", name, "--description", description, "--site", "narrow", stdin="v")
    with Terminal(shared_server, ["secret", "ls", "--site", "narrow"], columns=100) as terminal:
        assert terminal.end() == 0
        lines = terminal.shown.splitlines()
        assert len(lines) == 2
        assert max(map(len, lines)) <= 100
        assert name in lines[1]
        assert "…" in lines[1]
    # A program that reads gets everything.
    assert description in shared_server.ok("secret", "ls", "--site", "narrow").out


def _script(server: Installation, code: str) -> str:
    file = server.folder / "terminal.js"
    file.write_text(code)
    return str(file)
