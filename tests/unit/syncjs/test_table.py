"""The one table, and what is generated from it."""

import re
import shutil
import subprocess

from nightdrop.syncjs import generate
from nightdrop.syncjs.model import Origin
from nightdrop.syncjs.prelude import FIRST_LINE, prelude
from nightdrop.syncjs.table import TABLE
from nightdrop.worker import gateway


def test_the_committed_files_are_fresh():
    assert generate.stale() == []


def test_a_stale_file_is_noticed(tmp_path, monkeypatch):
    old = tmp_path / "syncjs.d.ts"
    old.write_text("declare const old: 1;\n")
    monkeypatch.setattr(generate, "DECLARATIONS", old)
    assert generate.stale() == [old]


def test_names_are_unique():
    names = [f.name for f in TABLE.functions] + [v.name for v in TABLE.variables] + [o.name for o in TABLE.objects]
    names += [c.name for group in TABLE.constants for c in group.constants]
    assert len(names) == len(set(names))
    for kind in TABLE.objects:
        methods = [method.name for method in kind.methods]
        assert len(methods) == len(set(methods))


def test_every_host_operation_of_the_table_is_served():
    functions = [*TABLE.functions, *TABLE.variables, *(method for kind in TABLE.objects for method in kind.methods)]
    wanted = {function.op for function in functions if function.op}
    # The runner itself carries out an exit.
    assert wanted - {"exit"} <= set(gateway.OPERATIONS)
    assert set(gateway.OPERATIONS) <= wanted


def test_every_entry_says_what_it_does():
    for entry in (*TABLE.functions, *TABLE.variables, *(m for kind in TABLE.objects for m in kind.methods)):
        assert re.fullmatch(r".+\.", entry.doc), entry.name
        assert entry.origin in Origin


def test_the_prelude_begins_below_the_last_line_of_any_script():
    assert prelude().count("\n", 0, len(prelude()) - len(prelude().lstrip("\n"))) == FIRST_LINE - 1


def test_the_reference_names_everything():
    page = generate.reference()
    for kind in TABLE.objects:
        assert f"## {kind.name}\n" in page
        described = generate.described_by(kind)
        assert all(f"### {described.name}.{method.name}\n" in page for method in kind.methods)
        assert all(f"| `{field.name}` |" in page for field in kind.fields)
    assert all(f"`{c.name}`" in page for group in TABLE.constants for c in group.constants)


def test_the_declarations_parse(tmp_path):
    # Without the types TypeScript is JavaScript; this much a plain parser can check.
    text = generate.declarations()
    assert text.count("{") == text.count("}")
    assert text.count("/**") == text.count("*/")
    for name in (
        "GetSecret(name: string, fallback?: string): string;",
        "declare class HttpCli {",
        "structuredClone<T>(value: T): T;",
    ):
        assert name in text


def test_the_generator_runs_as_a_program():
    import sys

    assert shutil.which(sys.executable)
    assert subprocess.run([sys.executable, "-m", "nightdrop.syncjs.generate", "--check"], check=False).returncode == 0
