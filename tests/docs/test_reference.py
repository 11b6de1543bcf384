"""The pages that are generated from the code are the ones that are committed."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def reference(*arguments: str, script: Path = ROOT / "script" / "reference") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)


def test_no_page_is_stale():
    done = reference("--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_stale_page_is_named_and_then_written(tmp_path):
    shutil.copytree(ROOT / "script" / "reference", tmp_path / "script" / "reference")
    shutil.copytree(ROOT / "docs" / "reference", tmp_path / "docs" / "reference")
    declarations = Path("src/nightdrop/syncjs/syncjs.d.ts")
    (tmp_path / declarations).parent.mkdir(parents=True)
    shutil.copy(ROOT / declarations, tmp_path / declarations)
    script, page = tmp_path / "script" / "reference", tmp_path / "docs" / "reference" / "errors.md"
    fresh = page.read_text()
    page.write_text("old")

    found = reference("--check", script=script)
    assert (found.returncode, found.stdout) == (
        1,
        "stale  docs/reference/errors.md\nWrite them with: .venv/bin/python script/reference\n",
    )
    assert page.read_text() == "old"

    assert (reference(script=script).stdout, page.read_text()) == ("wrote  docs/reference/errors.md\n", fresh)
