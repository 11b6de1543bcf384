"""What the command line prints when something fails, and the exit status."""

import json
import sys
from typing import Any, NoReturn

from nightdrop.core.errors import Kind, NightdropError

FAILED = 1


class ApiError(NightdropError):
    """The server refused the request."""

    def __init__(self, problem: dict[str, Any], status: int) -> None:
        self.api_code = str(problem.get("code", "internal"))
        self.status = status
        super().__init__(str(problem.get("detail") or problem.get("title") or "The server refused the request."))
        self.hint = str(problem.get("hint") or "")
        self.field = problem.get("field")


class ServerDownError(NightdropError):
    """No nightdrop is running on this home."""

    code = "server_down"
    kind = Kind.UNAVAILABLE
    hint = "Start it with: nightdrop up"


def code_of(error: NightdropError) -> str:
    return error.api_code if isinstance(error, ApiError) else error.code


def fail(error: NightdropError, *, as_json: bool) -> NoReturn:
    """Print one error, to standard error or as JSON to standard output, and exit with status 1."""
    if as_json:
        problem = {"code": code_of(error), "message": error.message, "hint": error.hint}
        sys.stdout.write(json.dumps({"error": problem}) + "\n")
    else:
        sys.stderr.write(f"error: {error.message}\n")
        if error.hint:
            sys.stderr.write(f"hint: {error.hint}\n")
    sys.exit(FAILED)
