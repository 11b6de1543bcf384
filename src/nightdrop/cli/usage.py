"""Groups and arguments of the command line: what counts as wrong usage, and what is said about it."""

import difflib
import json
import re
import sys
from typing import Any

import click

USAGE = 2
# Ten years; what is longer is a slip, and infinity has no form in JSON.
_LONGEST_S = 315_360_000.0
_SPAN_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SPAN = re.compile(r"([0-9]{1,6})([smhd])")
HELP = {"help_option_names": ["-h", "--help"]}


class Group(click.Group):
    """A group that lists its commands in the order they were written, and knows the nearest name."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            wanted = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"There is no command {name!r}.{wanted}")
        return super().resolve_command(ctx, args)


class _Text(click.ParamType[str]):
    """Text that has a UTF-8 form: JSON and addresses cannot carry anything else."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        try:
            text.encode()
        except UnicodeEncodeError:
            self.fail("This is not UTF-8 text.", param, ctx)
        return text


class _Pair(_Text):
    """``KEY=VALUE``. The message repeats nothing: what has no ``=`` may be a value that came without its key."""

    name = "pair"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = super().convert(value, param, ctx)
        key, equals, _ = text.partition("=")
        if not equals or not key.strip():
            form = (param.metavar if param is not None else None) or "KEY=VALUE"
            self.fail(f"Write it as {form.removesuffix('...')}.", param, ctx)
        return text


class _Listen(_Text):
    name = "listen"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = super().convert(value, param, ctx)
        host, _, port = text.rpartition(":")
        if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            self.fail("Write it as HOST:PORT, for example 127.0.0.1:8420.", param, ctx)
        return text


class _Seconds(_Text):
    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < _LONGEST_S:
            self.fail("Write a number of seconds, more than 0.", param, ctx)
        return seconds


class _Span(_Text):
    """``30m``, ``12h``, ``7d``: milliseconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = _SPAN.fullmatch(str(value))
        if found is None:
            self.fail("Write it like 30m, 12h or 7d.", param, ctx)
        return int(found[1]) * _SPAN_MS[found[2]]


TEXT = _Text()
SPAN = _Span()
SECONDS = _Seconds()
PAIR = _Pair()
LISTEN = _Listen()


def complain(error: click.UsageError, *, as_json: bool) -> int:
    """Print what is wrong with the arguments, in the form of every error; return the exit status."""
    context = error.ctx
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and context is not None and not as_json:
        click.echo(context.get_help(), err=True)
        return USAGE
    message = error.format_message()
    hint = f"See: {context.command_path} --help" if context is not None else ""
    if as_json:
        click.echo(json.dumps({"error": {"code": "usage", "message": message, "hint": hint}}))
        return USAGE
    lines = [f"error: {message}"]
    if context is not None:
        lines += [context.get_usage().replace("Usage:", "usage:", 1), f"hint: {hint}"]
    sys.stderr.write("\n".join(lines) + "\n")
    return USAGE


def pairs(given: tuple[str, ...], option: str) -> dict[str, str]:
    """Return ``KEY=VALUE`` arguments by key.

    Raises:
        click.BadParameter: a key comes twice; the second value would silently win.
    """
    parsed: dict[str, str] = {}
    for text in given:
        key, _, value = text.partition("=")
        if key in parsed:
            raise click.BadParameter("A key is given twice.", param_hint=option)
        parsed[key] = value
    return parsed


class NoValueCommand(click.Command):
    """A command that takes a secret from elsewhere: what stands in its place on the command line is not repeated."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.allow_extra_args = True
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            # A value may begin with a hyphen: only a misspelled option is named.
            if error.possibilities:
                raise
            self._refuse(ctx)
        if rest:
            self._refuse(ctx)
        return rest

    def _refuse(self, ctx: click.Context) -> None:
        ctx.fail(
            "Too many arguments. A value is never an argument: other users would see it in the list of processes,"
            " and your shell would keep it. Give it at the prompt, on standard input or with --file."
        )
