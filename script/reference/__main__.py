"""Write what is generated from the code: the pages of docs/reference and the script API's type declarations.

Run it with the project's own interpreter: .venv/bin/python script/reference [--check]
"""

import argparse
import sys
from pathlib import Path

import api_page
import cli_page
import configuration_page
import errors_page
import events_page

from nightdrop.syncjs import generate

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "reference"
_MODULES = {
    "api.md": api_page,
    "audit-events.md": events_page,
    "cli.md": cli_page,
    "configuration.md": configuration_page,
    "errors.md": errors_page,
}


def texts() -> dict[Path, str]:
    """Return every generated file with the text that it must have."""
    files = {PAGES / name: module.page() for name, module in _MODULES.items()}
    files[PAGES / generate.REFERENCE.name] = generate.reference()
    files[ROOT / "src" / "nightdrop" / "syncjs" / generate.DECLARATIONS.name] = generate.declarations()
    return files


def main() -> int:
    """Write the files that differ, or only name them; exit status 1 when ``--check`` finds one."""
    parser = argparse.ArgumentParser(prog="script/reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when a file is stale")
    check = parser.parse_args().check
    wanted = texts()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path])
        sys.stdout.write(f"{'stale' if check else 'wrote'}  {path.relative_to(ROOT)}\n")
    if check and stale:
        sys.stdout.write("Write them with: .venv/bin/python script/reference\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
