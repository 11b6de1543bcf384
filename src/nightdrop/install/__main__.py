"""``python -m nightdrop.install COMMAND``: for the command line, which must not import the server."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from nightdrop.core.errors import NightdropError
from nightdrop.core.home import HomeReadOnlyError

# Each command imports what it needs, no more: "up" waits for "migrate", and would wait twice as long.


def _init(options: argparse.Namespace) -> dict[str, Any]:
    if options.join:
        from nightdrop.install.join import join_home

        return asdict(join_home(options.home, options.node_key))
    from nightdrop.install.init import initialise_home

    return asdict(initialise_home(options.home, options.node_key))


def _doctor(options: argparse.Namespace) -> dict[str, Any]:
    from nightdrop.install.doctor import examine

    return {"checks": [asdict(check) for check in examine(options.home)]}


def _migrate(options: argparse.Namespace) -> dict[str, Any]:
    from nightdrop.install.migrate import migrate_home

    return {"before": migrate_home(options.home)}


def _audit(options: argparse.Namespace) -> dict[str, Any]:
    from nightdrop.install.audit import accept_cuts, newest_checkpoints, newest_entries, verify_home

    match options.command:
        case "audit-ls":
            return {"entries": newest_entries(options.home, options.limit)}
        case "audit-accept":
            return {"accepted": accept_cuts(options.home)}
        case "audit-checkpoint":
            return {"checkpoints": newest_checkpoints(options.home)}
        case _:
            findings = verify_home(options.home, options.identity, options.against)
            return {"findings": [asdict(finding) for finding in findings]}


_COMMANDS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "init": _init,
    "doctor": _doctor,
    "migrate": _migrate,
    **dict.fromkeys(("audit-ls", "audit-verify", "audit-accept", "audit-checkpoint"), _audit),
}


def _fail(error: NightdropError) -> NoReturn:
    problem = {"code": error.code, "message": error.message, "hint": error.hint}
    sys.stdout.write(json.dumps({"error": problem}) + "\n")
    sys.exit(1)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Print one JSON object: what was made, or ``{"error": {code, message, hint}}`` with exit status 1."""
    parser = argparse.ArgumentParser(prog="nightdrop-install")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in _COMMANDS:
        command = commands.add_parser(name)
        command.add_argument("--home", type=Path, required=True)
        if name == "init":
            command.add_argument("--node-key", type=Path)
            command.add_argument("--join", action="store_true")
        if name == "audit-ls":
            command.add_argument("--limit", type=int, required=True)
        if name == "audit-verify":
            command.add_argument("--identity")
            command.add_argument("--against", type=Path)
    options = parser.parse_args(arguments)
    try:
        made = _COMMANDS[options.command](options)
    except NightdropError as error:
        _fail(error)
    except PermissionError:
        _fail(HomeReadOnlyError(f"You may not use {options.home}, or where its node key belongs."))
    sys.stdout.write(json.dumps(made, default=str) + "\n")
    sys.exit(0)


if __name__ == "__main__":
    main()
