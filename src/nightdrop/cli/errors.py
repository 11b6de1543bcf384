"""What the command line prints when something fails, and the exit status."""

import errno
import json
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from nightdrop.cli.plain import plain
from nightdrop.core.errors import InvalidError, Kind, NightdropError, NotFoundError

FAILED = 1
# 128 and the number of SIGINT, as shells count.
STOPPED = 130
# What writing the output may end with: the reader is gone, or the disk behind a redirection is full.
OUTPUT_ERRORS = frozenset({errno.EPIPE, errno.ENOSPC})


class CodedError(NightdropError):
    """Another process gave this error."""

    def __init__(self, message: str | None = None, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.given_code = code or self.code


class ApiError(CodedError):
    """The server refused the request."""

    def __init__(self, problem: dict[str, Any], status: int) -> None:
        message = str(problem.get("detail") or problem.get("title") or "The server refused the request.")
        super().__init__(message, hint=str(problem.get("hint") or ""), code=str(problem.get("code", "internal")))
        self.status = status
        self.field = problem.get("field")
        self.scripts: list[dict[str, Any]] = problem.get("scripts") or []


class ServerDownError(NightdropError):
    """No nightdrop is running on this home."""

    code = "server_down"
    kind = Kind.UNAVAILABLE
    hint = "Start it with: nightdrop up"


class SiteMissingError(NotFoundError):
    """There is no such site."""

    code = "site_not_found"
    hint = "See: nightdrop site ls"


class NotConfirmedError(InvalidError):
    """Nothing was removed."""

    code = "not_confirmed"
    hint = "Answer y, or give --yes."


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


def reason(error: OSError) -> str:
    """Return why a file cannot be used, as the end of a sentence; never its name."""
    words = {
        errno.ENOENT: "it does not exist",
        errno.ENOTDIR: "it does not exist",
        errno.EISDIR: "it is a directory",
        errno.EACCES: "you may not read it",
        errno.ENAMETOOLONG: "its name is too long",
    }
    return words.get(error.errno or 0, "reading it failed")


def code_of(error: NightdropError) -> str:
    return error.given_code if isinstance(error, CodedError) else error.code


def script_lines(users: list[dict[str, Any]]) -> Iterator[str]:
    """Return a line with the scripts that use a secret, one with those that may, and one with what else uses it."""
    others = [user["name"] for user in users if user.get("kind", "script") != "script"]
    certain = [user["name"] for user in users if user["certain"] and user.get("kind", "script") == "script"]
    possible = [user["name"] for user in users if not user["certain"] and user.get("computed")]
    before = [user["name"] for user in users if not user["certain"] and not user.get("computed")]
    if others:
        yield f"It is used by: {', '.join(others)}"
    if certain:
        yield f"Scripts that use it: {', '.join(certain)}"
    if possible:
        yield f"Scripts that may use it (they compute names): {', '.join(possible)}"
    if before:
        yield f"Scripts that read it, but no longer name it: {', '.join(before)}"


def fail(error: NightdropError, *, as_json: bool) -> NoReturn:
    """Print one error, to standard error or as JSON to standard output, and exit with status 1."""
    if as_json:
        problem: dict[str, Any] = {"code": code_of(error), "message": error.message, "hint": error.hint}
        if isinstance(error, ApiError) and error.scripts:
            problem["scripts"] = error.scripts
        sys.stdout.write(json.dumps({"error": problem}) + "\n")
    else:
        sys.stderr.write(f"error: {error.message}\n")
        if isinstance(error, ApiError):
            for line in script_lines(error.scripts):
                sys.stderr.write(f"{plain(line)}\n")
        if error.hint:
            sys.stderr.write(f"hint: {error.hint}\n")
    sys.exit(FAILED)
