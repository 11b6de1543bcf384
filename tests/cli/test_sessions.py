"""Every session under sessions/ against a real server, and that no command is without one."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.session import Session
from nightdrop.cli import cli
from support import Installation

SESSIONS = sorted((Path(__file__).parent / "sessions").glob("*.txt"))
# What starts, ends or makes a server is in the other files of this directory.
ELSEWHERE = {"init", "up", "web", "worker", "demo", "key recover", "key rewrap"}


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_session(path: Path, shared_server: Installation, tmp_path: Path) -> None:
    site = path.stem.replace("_", "-")
    shared_server.ok("site", "add", site)
    Session(shared_server, tmp_path, site).play(path)
    # Whatever a session does, nothing that it stores and nothing that it mistypes reaches the server's log.
    assert "needle" not in shared_server.server_log().lower()


def options(command: click.Command, name: str) -> Iterator[str]:
    for param in command.params:
        if isinstance(param, click.Option) and param.name not in {"home", "help"}:
            yield f"{name} {max(param.opts, key=len)}"


def commands(group: click.Group, context: click.Context, prefix: str = "") -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        full = f"{prefix}{name}"
        if isinstance(command, click.Group):
            yield from commands(command, context, f"{full} ")
        elif full not in ELSEWHERE:
            yield full
            yield from options(command, full)


def test_every_command_and_option_is_in_a_session() -> None:
    played = [line for path in SESSIONS for line in path.read_text().splitlines() if line.startswith("$ ")]

    def is_played(wanted: str) -> bool:
        words = wanted.split(" --")
        pattern = rf"nightdrop {words[0]}\b" + (rf"[^|]* --{words[1]}\b" if len(words) > 1 else "")
        return any(re.search(pattern, line) for line in played)

    assert [wanted for wanted in commands(cli, click.Context(cli)) if not is_played(wanted)] == []
