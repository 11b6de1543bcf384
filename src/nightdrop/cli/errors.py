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


class UnexpectedError(NightdropError):
    """This is a defect of nightdrop."""

    code = "internal"
    hint = "Please report it with the line above. Nothing of what you typed is in it."

    def __init__(self, error: BaseException) -> None:
        trace, place = error.__traceback__, "?"
        while trace is not None:
            place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
            trace = trace.tb_next
        super().__init__(f"This is a defect of nightdrop: {type(error).__name__} at {place}.")


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
