"""Problem details: every error of the API in one shape (RFC 9457). Nothing of a request is ever repeated."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from nightdrop.access.passkeys import PasskeyRefusedError
from nightdrop.access.sign_in import SignInFailedError, TotpNeededError, TotpWrongError
from nightdrop.access.throttle import ThrottledError
from nightdrop.api.etags import ChangedMeanwhileError
from nightdrop.api.hosts import HostUnknownError
from nightdrop.api.rates import RateLimitedError
from nightdrop.api.schema import UserOut, declared_fields
from nightdrop.core.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    Kind,
    NightdropError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)
from nightdrop.core.ids import new_id

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"

_MAX_ERRORS = 20
_STATUS = {
    Kind.INVALID: 422,
    Kind.DENIED: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.TOO_LARGE: 413,
    Kind.UNAVAILABLE: 503,
    Kind.INTERNAL: 500,
}


class SignInRequiredError(DeniedError):
    """You are not signed in."""

    code = "sign_in_required"
    hint = "Sign in, or send a token that is valid still. On the server's host, the nightdrop command needs neither."


class BothCredentialsError(InvalidError):
    """The request brings more than one credential."""

    code = "both_credentials"
    hint = "Send either the session's cookie or one Authorization header."


class CsrfError(DeniedError):
    """Another site made this request with your session."""

    code = "csrf"
    hint = "Programs should use a token. Behind a proxy, see that it passes the Host header on."


class MalformedBodyError(InvalidError):
    """The request body is not JSON."""

    code = "malformed_body"
    hint = "Send one JSON object in UTF-8 with Content-Type: application/json."


class BodyTooLargeError(TooLargeError):
    """The request body is larger than 8 MiB."""

    code = "body_too_large"
    hint = "A value and a script may have 1 MiB each."


class BodyTooSlowError(InvalidError):
    """The request body did not come within 60 seconds."""

    code = "body_too_slow"


class TooManyConnectionsError(UnavailableError):
    """This server has as many connections open as it may."""

    code = "too_many_connections"
    hint = "Try again in a few seconds."
    retry_after_s = 5


class IdempotencyKeyError(InvalidError):
    """The Idempotency-Key is not valid."""

    code = "idempotency_key"
    hint = "Use 16 to 200 printable ASCII characters that nobody can guess, such as a random UUID."


class IdempotencyMismatchError(ConflictError):
    """This Idempotency-Key came with another request before."""

    code = "idempotency_mismatch"
    hint = "Use a new key for each request, and the same one only to repeat it."


class IdempotencyBusyError(ConflictError):
    """The first request with this Idempotency-Key has not ended yet."""

    code = "idempotency_busy"
    hint = "Repeat it in a few seconds."
    retry_after_s = 2


class FieldsInvalidError(InvalidError):
    """The request is not valid."""

    code = "request_invalid"
    hint = "The fields and their types are in /api/v1/openapi.json."


class RouteMissingError(NotFoundError):
    """There is nothing at this address."""

    code = "route_not_found"


class MethodNotAllowedError(InvalidError):
    """This address does not take this method."""

    code = "method_not_allowed"


class BadRequestError(InvalidError):
    """The request is not valid HTTP."""

    code = "bad_request"


_STATUS_OF_CODE = {
    SignInRequiredError.code: 401,
    MalformedBodyError.code: 400,
    BadRequestError.code: 400,
    MethodNotAllowedError.code: 405,
    BothCredentialsError.code: 400,
    ThrottledError.code: 429,
    RateLimitedError.code: 429,
    ChangedMeanwhileError.code: 412,
    IdempotencyKeyError.code: 400,
    HostUnknownError.code: 421,
    BodyTooSlowError.code: 408,
    SignInFailedError.code: 401,
    TotpNeededError.code: 401,
    TotpWrongError.code: 401,
    PasskeyRefusedError.code: 401,
}
# RFC 9110 section 11.6.1 asks for it on every 401.
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="nightdrop"'}
_HEADERS_OF_CODE = {code: _CHALLENGE for code, status in _STATUS_OF_CODE.items() if status == 401}


class FieldProblem(BaseModel):
    """What is wrong with one field. Never its content."""

    field: str = Field(description="Dotted path of the field; `body` or `query` for the whole.")
    code: str = Field(description="`required`, `unknown_field`, `wrong_type` or `invalid`.")


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(default="about:blank", description="Always about:blank; `code` tells problems apart.")
    title: str = Field(description="The status in words.")
    status: int
    code: str = Field(description="Stable name of the problem.")
    detail: str = Field(description="One sentence for people.")
    hint: str = Field(description="What to do about it; may be empty.")
    field: str | None = Field(default=None, description="The field that is wrong, when it is one.")
    errors: list[FieldProblem] | None = Field(default=None, description="The wrong fields, when there are some.")
    scripts: list[UserOut] | None = Field(
        default=None,
        description=(
            "With `secret_in_use`: the first 100 scripts that use the secret, those that name it before those that"
            " may use any. Left out without the permission `scripts:view`."
        ),
    )


def status_of(error: type[NightdropError]) -> int:
    """Return the HTTP status that an error is answered with."""
    return _STATUS_OF_CODE.get(error.code, _STATUS[error.kind])


def problem_response(
    error: NightdropError, errors: list[FieldProblem] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer for an error."""
    status = status_of(type(error))
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        code=error.code,
        detail=error.message,
        hint=error.hint,
        field=error.field,
        errors=errors,
        **error.more,
    )
    all_headers = {**_HEADERS_OF_CODE.get(error.code, {}), **(headers or {})}
    if error.retry_after_s is not None:
        all_headers["Retry-After"] = str(error.retry_after_s)
    return Response(problem.model_dump_json(exclude_none=True), status, all_headers, MEDIA_TYPE)


def internal_problem(error: BaseException) -> Response:
    """Log an unexpected exception under a fresh id and return an answer that tells only the id.

    The exception's text goes nowhere: it may hold what somebody posted.
    """
    number = new_id("err")
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    log.error("internal_error", id=number, exception=kind, at=_places(error))
    return problem_response(NightdropError(hint=f"Look for {number} in the server's log."))


def install_handlers(app: FastAPI) -> None:
    """Make ``app`` answer every error with problem details."""
    app.add_exception_handler(NightdropError, _on_typed)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_unexpected)


async def _on_typed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, NightdropError)
    return problem_response(error)


# The framework's own handler answers with the input: here it would send a mistyped secret back.
async def _on_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return problem_response(MalformedBodyError())
    problems = list(_field_problems(found[:_MAX_ERRORS]))
    field = problems[0].field if len(problems) == 1 else None
    return problem_response(FieldsInvalidError(field=field), problems)


async def _on_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known: dict[int, NightdropError] = {
        400: MalformedBodyError(),
        404: RouteMissingError(),
        405: MethodNotAllowedError(),
    }
    headers = {key: value for key, value in (error.headers or {}).items() if key.lower() == "allow"}
    return problem_response(known.get(error.status_code, BadRequestError()), headers=headers)


async def _on_unexpected(_request: Request, error: Exception) -> Response:
    return internal_problem(error)


def _field_problems(errors: Iterable[Mapping[str, Any]]) -> Iterable[FieldProblem]:
    for error in errors:
        yield FieldProblem(field=_field(error["loc"]), code=_code(error["type"]))


def _field(location: tuple[int | str, ...]) -> str:
    """Return the declared part of a location: an unknown key is the caller's text, so it is left out."""
    known = declared_fields()
    path = []
    for part in location[1:]:
        if part not in known:
            break
        path.append(str(part))
    if path:
        return ".".join(path)
    return str(location[0]) if location[:1] in {("body",), ("query",), ("header",), ("path",)} else "request"


def _code(kind: str) -> str:
    if kind == "missing":
        return "required"
    if kind == "extra_forbidden":
        return "unknown_field"
    return "wrong_type" if kind.endswith("_type") else "invalid"


def _places(error: BaseException) -> list[str]:
    places, trace = [], error.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-8:]
