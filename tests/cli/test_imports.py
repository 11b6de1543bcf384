"""The command line starts fast because it never imports the server."""

import subprocess
import sys

import pytest

SERVER = {
    *("alembic", "asyncio", "cryptography", "fastapi", "pydantic", "sqlalchemy", "starlette", "structlog", "uvicorn"),
    *("_quickjs", "nightdrop.api", "nightdrop.db", "nightdrop.install", "nightdrop.runs", "nightdrop.worker"),
}
GROUPS = ("setup", "server", "site", "secret", "script", "run", "key", "otfe", "doctor", "demo")


def loaded(code: str) -> set[str]:
    code += "\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_entry_point_imports_click_and_nothing_else():
    ours = {name for name in loaded("import nightdrop.cli") if name.split(".")[0] == "nightdrop"}
    assert ours == {
        "nightdrop",
        "nightdrop.cli",
        "nightdrop.cli.errors",
        "nightdrop.cli.plain",
        "nightdrop.cli.usage",
        "nightdrop.core",
        "nightdrop.core.errors",
    }


@pytest.mark.parametrize("group", GROUPS)
def test_no_command_imports_the_server(group):
    assert loaded(f"import nightdrop.cli.{group}") & SERVER == set()
