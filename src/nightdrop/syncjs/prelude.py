"""The JavaScript that turns one native function into the script API.

It is evaluated below the last line that a script can have, so that a stack frame tells by its line number
whose it is: the engine names every file ``<input>``.
"""

import json
from pathlib import Path
from typing import Any

from nightdrop.syncjs.model import Function, Method, MethodKind, ObjectType
from nightdrop.syncjs.table import TABLE

# A script has at most 1 MiB, hence at most this many lines.
FIRST_LINE = 1_100_001

_PARTS = ("core", "text", "functions", "http", "remotes", "mail", "files", "watch", "install")
_FOLDER = Path(__file__).parent / "js"


def _method(method: Method) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": method.name, "kind": method.kind.value}
    if method.kind is MethodKind.CONFIGURE:
        entry["parameters"] = [[param.name, param.type] for param in method.params]
    if method.kind is MethodKind.REMOTE:
        entry["returns"] = method.returns
    if method.verb:
        entry["verb"] = method.verb
    return entry


def _object(kind: ObjectType) -> dict[str, Any]:
    entry = {"name": kind.name, "constructible": kind.constructible, "methods": [_method(m) for m in kind.methods]}
    if kind.constructible and kind.fields:
        entry |= {"fields": [[f.name, f.default] for f in kind.fields]}
    if kind.options:
        (options,) = (each for each in TABLE.objects if each.name == kind.options)
        entry |= {"options": [[f.name, f.default] for f in options.fields]}
    return entry


def _call(function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "op": function.op,
        "parameters": [[param.name, param.type, param.default] for param in function.params],
        "returns": function.returns,
        "fails": json.loads(function.fails or "null"),
    }


def table_script() -> str:
    """Return the part of the prelude that is generated from the table."""
    table = {
        "constants": [[c.name, c.value] for group in TABLE.constants for c in group.constants],
        "functions": [function.name for function in TABLE.functions],
        "objects": [_object(o) for o in TABLE.objects if o.methods],
        "calls": [_call(function) for function in TABLE.functions if function.fails],
    }
    return f"const table = {json.dumps(table)};\n"


def prelude() -> str:
    """Return the whole prelude; its value is the function that runs a script."""
    parts = [(_FOLDER / f"{name}.js").read_text() for name in _PARTS]
    body = "".join([table_script(), *parts])
    return "\n" * (FIRST_LINE - 1) + '(() => {"use strict";\n' + body + "return entry;\n})()"
