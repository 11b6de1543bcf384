"""Asking before something is removed."""

import sys

import click

from nightdrop.cli.errors import NotConfirmedError


def confirm_removal(question: str) -> None:
    """Ask on the terminal.

    Raises:
        NotConfirmedError: the answer is not yes, or there is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise NotConfirmedError("Nothing was removed: there is no terminal to ask on.", hint="Give --yes.")
    click.echo(f"{question} [y/N] ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise NotConfirmedError
