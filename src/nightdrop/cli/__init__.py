"""The command line."""

import importlib
import io
import os
import sys

import click

from nightdrop import __version__
from nightdrop.cli.errors import FAILED, STOPPED
from nightdrop.cli.usage import HELP, Group, complain

# Command -> module that defines it. Loaded one at a time, so that each command pays only for itself.
_COMMANDS = {
    "init": ("setup", "Make a home: databases, keys, the site `default`."),
    "up": ("server", "Run nightdrop: web and worker."),
    "web": ("server", "Run only the web process."),
    "worker": ("server", "Run only the worker."),
    "login": ("login", "Sign in at a server on another host."),
    "logout": ("login", "Sign out there."),
    "admin": ("admin", "Accounts: who may sign in, and what each may do."),
    "site": ("site", "Virtual sites and their settings."),
    "secret": ("secret", "Store, list and remove secrets. Never shows a value."),
    "script": ("script_lint", "Store, list and run scripts."),
    "trigger": ("trigger", "What starts runs by itself: schedules, webhooks, other scripts."),
    "exec": ("run", "Run a script file that is not stored."),
    "run": ("run", "Runs: list, show, cancel."),
    "logs": ("run", "The log of a run."),
    "key": ("key", "Fingerprints; rotation and recovery of keys; hosts."),
    "audit": ("audit", "What happened, and whether the record of it is whole."),
    "otfe": ("otfe", "Encrypt and decrypt files as scripts do."),
    "doctor": ("doctor", "Check home, database, keys and sandbox."),
    "demo": ("demo", "Play the README's story in a temporary home."),
}


class _Commands(Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(f"nightdrop.cli.{_COMMANDS[name][0]}")
        command = getattr(module, f"{name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings=HELP)
@click.version_option(__version__, prog_name="nightdrop", message="%(prog)s %(version)s")
def cli() -> None:
    """Drop secrets in. Only your scripts take them out."""


def main() -> None:
    """Run the command line: exit status 0 done, 1 failed, 2 wrong usage, 130 stopped with Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape, not an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as head(1), has seen enough. What is still buffered must not fail when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = 0
    except OSError:
        sys.stderr.write("error: The output cannot be written.\nhint: Is its disk full?\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = 1
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    try:
        return int(cli.main(arguments, "nightdrop", standalone_mode=False, color=False if plain else None) or 0)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except click.UsageError as error:
        return complain(error, as_json="--json" in arguments)
    except click.Abort as error:
        # Click makes this of Ctrl-C and of an input that ends, and has ended the line.
        exhausted = isinstance(error.__cause__, EOFError)
        sys.stderr.write("Stopped: the input has ended.\n" if exhausted else "Stopped.\n")
        return FAILED if exhausted else STOPPED
