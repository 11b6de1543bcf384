"""Writes what is generated from the script API's table: ``python -m nightdrop.syncjs.generate``.

The type declarations lie in the package, as the editor serves them; the reference page lies in the source
tree's ``docs/reference``. With ``--check`` nothing is written and the exit code tells whether all is fresh.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from nightdrop.syncjs.model import ConstantGroup, Function, Literal, ObjectType, Origin, Property, Variable
from nightdrop.syncjs.table import TABLE

_PACKAGE = Path(__file__).parent
DECLARATIONS = _PACKAGE / "syncjs.d.ts"
REFERENCE = _PACKAGE.parents[2] / "docs" / "reference" / "syncjs.md"

_ORIGINS = {
    Origin.SYNCJS: "SyncJS, as its manual has it.",
    Origin.READING: "SyncJS; where its manual is silent, this is our reading.",
    Origin.OURS: "An addition of nightdrop.",
}

_INTRODUCTION = """# SyncJS reference

This page is generated from the table in `src/nightdrop/syncjs/table.py`; change that, then run
`python -m nightdrop.syncjs.generate`.

A script is JavaScript (ECMAScript 2023), run once from top to bottom. Calls block until they are done; the one function
that is called back is that of an `FsWatcher`. A bare block `{ ... }` around the whole script is fine. There is no
`setTimeout`, no module loading and no `Intl`. Promises that are pending when the script's last line has run are carried
on; a rejected one fails the run when it is the value of the last statement, as in `main();`, and is not noticed
otherwise.

SyncJS calls do not throw: a failure is `false`, `""`, `null` or a response whose `IsValid()` is false, and the log says
why. Only what is marked as an addition of nightdrop may throw.

An error that the script throws and does not catch ends the run as failed, with the message, the line and the column.

Each entry says where it comes from: **SyncJS** means that Syncplify's manual describes it; **our reading** means that
the manual names it without saying everything; **addition** means that SyncJS does not have it.
"""


def _literal(value: Literal) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _comment(doc: str, notes: tuple[str, ...], indent: str = "") -> Iterator[str]:
    yield f"{indent}/**"
    yield f"{indent} * {doc}"
    for note in notes:
        yield f"{indent} *"
        yield f"{indent} * {note}"
    yield f"{indent} */"


def _declare_function(function: Function) -> Iterator[str]:
    yield from _comment(function.doc, function.notes)
    generic = function.signature().replace("(", "<T>(", 1) if function.returns == "T" else function.signature()
    yield f"declare function {generic};"


def _declare_object(kind: ObjectType) -> Iterator[str]:
    yield from _comment(kind.doc, kind.notes)
    yield f"declare class {kind.name} {{" if kind.constructible else f"interface {kind.name} {{"
    for field in kind.fields:
        yield from _comment(field.doc, _default(field), "  ")
        yield f"  {field.name}: {field.type};"
    if kind.options:
        yield f"  Options: {kind.options};"
    for method in kind.methods:
        yield from _comment(method.doc, method.notes, "  ")
        yield f"  {method.signature()};"
    yield "}"


def _default(field: Property) -> tuple[str, ...]:
    return () if field.default is None else (f"{json.dumps(field.default)} unless set.",)


def declarations() -> str:
    """Return the TypeScript declarations of everything a script can use."""
    lines = ["// Generated from src/nightdrop/syncjs/table.py by python -m nightdrop.syncjs.generate", ""]
    for function in TABLE.functions:
        lines += [*_declare_function(function), ""]
    for variable in TABLE.variables:
        lines += [*_comment(variable.doc, variable.notes), f"declare const {variable.name}: {variable.type};", ""]
    for kind in TABLE.objects:
        lines += [*_declare_object(kind), ""]
    for group in TABLE.constants:
        lines += [f"// {group.title}"]
        lines += [f"declare const {c.name}: {_literal(c.value)};" for c in group.constants]
        lines += [""]
    return "\n".join(lines)


def _section(title: str, signature: str, entry: Function | Variable, level: str) -> Iterator[str]:
    yield f"{level} {title}"
    yield ""
    yield f"```ts\n{signature}\n```"
    yield ""
    yield f"{entry.doc} *{_ORIGINS[entry.origin]}*"
    yield ""
    if entry.notes:
        yield from (f"- {note}" for note in entry.notes)
        yield ""


def _object_sections(kind: ObjectType) -> Iterator[str]:
    yield f"## {kind.name}"
    yield ""
    made = f"`new {kind.name}()`." if kind.constructible else "Returned by a call; there is no constructor."
    yield f"{kind.doc} {made}"
    yield ""
    if kind.notes:
        yield from (f"- {note}" for note in kind.notes)
        yield ""
    if kind.fields:
        yield from _field_table(kind)
    if (described := described_by(kind)) is not kind:
        yield f"Its methods are those of [{described.name}](#{described.name.lower()})."
        yield ""
        return
    for method in kind.methods:
        yield from _section(f"{kind.name}.{method.name}", method.signature(), method, "###")


def described_by(kind: ObjectType) -> ObjectType:
    """Return the object whose section has the methods of this one: the clients share theirs."""
    return next(each for each in TABLE.objects if each.methods == kind.methods) if kind.methods else kind


def _field_table(kind: ObjectType) -> Iterator[str]:
    yield "| Field | Type | Unless set | Meaning |"
    yield "|---|---|---|---|"
    for field in kind.fields:
        default = "" if field.default is None else f"`{json.dumps(field.default)}`"
        shown = field.type.replace("|", "\\|")
        yield f"| `{field.name}` | `{shown}` | {default} | {field.doc} {_ORIGINS[field.origin]} |"
    if kind.options:
        yield f"| `Options` | `{kind.options}` | | How files are transferred. |"
    yield ""


def _constant_section(group: ConstantGroup) -> Iterator[str]:
    yield f"### {group.title}"
    yield ""
    yield "| Name | Value | Meaning |"
    yield "|---|---|---|"
    yield from (f"| `{c.name}` | `{_literal(c.value)}` | {c.doc} |" for c in group.constants)
    yield ""
    yield f"*{_ORIGINS[group.constants[0].origin]}*"
    yield ""
    if group.notes:
        yield from (f"{note}\n" for note in group.notes)


def reference() -> str:
    """Return the reference page."""
    lines = [_INTRODUCTION, "## Functions", ""]
    for function in TABLE.functions:
        lines += _section(function.name, function.signature(), function, "###")
    lines += ["## Variables", ""]
    for variable in TABLE.variables:
        lines += _section(variable.name, f"{variable.name}: {variable.type}", variable, "###")
    for kind in TABLE.objects:
        lines += _object_sections(kind)
    lines += ["## Constants", ""]
    for group in TABLE.constants:
        lines += _constant_section(group)
    return "\n".join(lines).rstrip("\n") + "\n"


def stale() -> list[Path]:
    """Return the generated files that differ from what would be written."""
    files = ((DECLARATIONS, declarations()), (REFERENCE, reference()))
    return [path for path, text in files if not path.exists() or path.read_text() != text]


def main() -> int:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when a file is stale")
    if parser.parse_args().check:
        return 1 if stale() else 0
    REFERENCE.parent.mkdir(parents=True, exist_ok=True)
    DECLARATIONS.write_text(declarations())
    REFERENCE.write_text(reference())
    return 0


if __name__ == "__main__":
    sys.exit(main())
