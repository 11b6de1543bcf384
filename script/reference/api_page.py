"""docs/reference/api.md: every route of the OpenAPI document, with the permissions that it asks for."""

from collections.abc import Iterator
from typing import Any

import markdown
from permissions import needed

from nightdrop.api.app import create_app
from nightdrop.api.edge import API, OPEN

_INTRODUCTION = """\
A browser brings the cookie of a [session](../how-to/accounts.md), a program `Authorization: Bearer nd_...`, never both.
On the server's host the command line speaks this API over the admin socket, `run/admin.sock` in the home directory, as
the user who owns the home. The machine-readable form is `/api/v1/openapi.json`.

- A request that changes something and brings a cookie must come from a page of this server:
  `Sec-Fetch-Site: same-origin`, or an `Origin` that is the `Host`.

- JSON in and out, UTF-8. An unknown field or parameter is an error.
- Times are milliseconds since 1970 (UTC), in fields that end in `_ms`.
- Lists come in pages: `next` is the `cursor` of the page after, null at the end.
- `{site}` is a name or an id; other identities in an address are ids.
- Every error is problem details (RFC 9457): see [Problem](#problem) and [errors](errors.md).
- No answer has a field for a secret's value.

"Needs" names the permissions that a route checks, found by calling it.
"""


def page() -> str:
    """Return the page."""
    document = create_app().openapi()
    permissions = needed(document)
    lines = [*markdown.head("REST API", "the routes in `src/nightdrop/api`"), _INTRODUCTION, "## Routes", ""]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            lines += _route(method.upper(), path, operation, permissions[operation["operationId"]])
    lines += ["## Objects", ""]
    for name, schema in sorted(document["components"]["schemas"].items()):
        if not name.startswith("Page_"):
            lines += _object(name, schema)
    return markdown.page(lines)


def _route(method: str, path: str, operation: dict[str, Any], permissions: list[str]) -> Iterator[str]:
    yield f"### {method} {path}"
    yield ""
    yield operation.get("description") or operation["summary"]
    yield ""
    yield f"Needs: {', '.join(map(markdown.code, permissions)) or _no_permission(method, path)}."
    yield ""
    rows = [
        (markdown.code(one["name"]), one["in"], _type(one["schema"]), _meaning(one, one.get("required", False)))
        for one in operation.get("parameters", [])
    ]
    if rows:
        yield from markdown.table(("Parameter", "In", "Type", "Meaning"), rows)
    if body := operation.get("requestBody"):
        yield f"Body: {_type(body['content']['application/json']['schema'])}"
        yield ""
    for status, answer in operation["responses"].items():
        if status != "default":
            yield f"Answer {status}: {_content(answer)}"
            yield ""


def _no_permission(method: str, path: str) -> str:
    if not path.startswith(API) or (method, path) in OPEN:
        return "nothing, it is public"
    return "any permission in the site" if "{site}" in path else "any credential"


def _content(answer: dict[str, Any]) -> str:
    content = answer.get("content") or {}
    if "text/event-stream" in content:
        return "`text/event-stream`"
    schema = content.get("application/json", {}).get("schema")
    return _type(schema) if schema else "empty"


def _object(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    if schema.get("description"):
        yield schema["description"]
        yield ""
    if "enum" in schema:
        yield f"One of: {', '.join(map(markdown.code, schema['enum']))}."
        yield ""
        return
    required = set(schema.get("required", ()))
    rows = [
        (markdown.code(field), _type(form), _meaning(form, field in required and not _is_answer(schema, required)))
        for field, form in schema.get("properties", {}).items()
    ]
    yield from markdown.table(("Field", "Type", "Meaning"), rows)


def _is_answer(schema: dict[str, Any], required: set[str]) -> bool:
    """Tell whether every field is always there: saying so of each would only be noise."""
    return required == set(schema.get("properties", {})) and len(required) > 1


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(markdown.code, schema["enum"]))
    if "const" in schema:
        return markdown.code(schema["const"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return f"{kind}{_bounds(schema)}"


def _link(name: str) -> str:
    if name.startswith("Page_"):
        return f"page of {_link(name.removeprefix('Page_').removesuffix('_'))}"
    return f"[{name}](#{name.lower()})"


def _bounds(schema: dict[str, Any]) -> str:
    low = schema.get("minimum", schema.get("minLength"))
    high = schema.get("maximum", schema.get("maxLength"))
    words = []
    if schema.get("exclusiveMinimum") is not None:
        words.append(f"more than {schema['exclusiveMinimum']:g}")
    if low is not None:
        words.append(f"at least {low:g}")
    if high is not None:
        words.append(f"at most {high:g}")
    unit = " characters" if "maxLength" in schema or "minLength" in schema else ""
    return f" ({', '.join(words)}{unit})" if words else ""


def _meaning(form: dict[str, Any], required: bool) -> str:
    words = [form.get("description") or ""]
    schema = form.get("schema", form)
    if required and form.get("in") != "path":
        words.append("Required.")
    if schema.get("default") is not None and schema["default"] not in ("", [], {}):
        default = schema["default"]
        words.append(f"Default: `{str(default).lower() if isinstance(default, bool) else default}`.")
    return " ".join(word for word in words if word)
