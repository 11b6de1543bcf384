"""docs/reference/cli.md: the help of every command, as the command prints it."""

from collections.abc import Iterator

import click
import markdown

from nightdrop.cli import cli

_WIDTH = 100
_INTRODUCTION = """\
What each command prints with `--help`.

- Every command takes `--json`, every one but `demo` and `otfe` takes `--home`, and every command of a site `--site`.
- Exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped with Ctrl-C.
- An error is one sentence and a hint on standard error. With `--json` it is one object on standard output:
  `{"error": {"code": ..., "message": ..., "hint": ...}}`. The codes are in [errors](errors.md); wrong usage is `usage`.
- Ctrl-C cancels the run that `script run` or `exec` waits for. Everywhere else it only ends the command.
- A value is never an argument and never shown. `NO_COLOR` switches colours off.
- Tables are cut to the width of a terminal, but never a name; in a pipe or a file they are whole.
"""


def page() -> str:
    """Return the page."""
    context = _context(cli, "nightdrop", None)
    lines = [*markdown.head("Command line", "`src/nightdrop/cli`"), _INTRODUCTION, *_section(cli, context, 2)]
    return markdown.page(lines)


def _section(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * min(level, 3)} {context.command_path}"
    yield ""
    yield "```text"
    yield from (line.rstrip() for line in command.get_help(context).split("\n"))
    yield "```"
    yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _section(child, _context(child, name, context), level + 1)


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    return click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        **command.context_settings,
    )
