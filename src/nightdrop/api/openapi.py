"""The OpenAPI document: what FastAPI knows of the routes, and the errors that each of them can answer with."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from nightdrop.api.edge import OPEN

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
# From the edge, before a route is known: not HTTP, too slow, another host's name, too many requests, a defect, no part
# that is needed.
_ALWAYS = (400, 408, 421, 429, 500, 503)
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 16, "maxLength": 200, "pattern": "^[!-~]+$"},
    "description": (
        "A random text. A repeat within 24 hours gets the first answer again, with null for what is shown once."
    ),
}


def install_openapi(app: FastAPI) -> None:
    """Make the application's document complete."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            for path, methods in document["paths"].items():
                for method, operation in methods.items():
                    _complete(path, method.upper(), operation)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    is_open = (method, path) in OPEN
    names = {one["name"] for one in operation.get("parameters", ())}
    if method == "POST" and not is_open and "idempotency-key" not in {name.lower() for name in names}:
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    answers = operation["responses"]
    # Named one by one below: with "default" every answer would be as documented.
    answers.pop("default", None)
    for status in sorted(_errors(path, method, operation, is_open=is_open)):
        answers[str(status)] = {"description": HTTPStatus(status).phrase, "content": _PROBLEM}


def _errors(path: str, method: str, operation: dict[str, Any], *, is_open: bool) -> Iterator[int]:
    yield from _ALWAYS
    yield from () if is_open and method == "GET" else (401, 403)
    if "{" in path or any(one["name"] == "site" for one in operation.get("parameters", ())):
        yield 404
    if "requestBody" in operation:
        yield 413
    if "requestBody" in operation or operation.get("parameters"):
        yield 422
    if method != "GET":
        yield 409
    if any(one["name"].lower() == "if-match" for one in operation.get("parameters", ())):
        yield 412
