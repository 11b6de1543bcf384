"""The commands in README, tutorial and how-tos do what the pages say."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from docs.pages import ROOT, Reader, blocks

# In the order of the index; PostgreSQL needs a server of its own and has its own test.
PAGES = ["README.md", "docs/tutorial.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/how-to/*.md"))]
ELSEWHERE = {"docs/how-to/postgresql.md"}


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Somebody in a clone that is set up, with a home directory of their own."""
    clone = tmp_path / "clone"
    clone.mkdir()
    tracked = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard"], capture_output=True, check=True
    )
    for name in filter(None, tracked.stdout.decode().split("\0")):
        if (ROOT / name).exists():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    # Setting up is tried elsewhere: it needs the network. So does building the pages, which script/up would do.
    (clone / ".venv").symlink_to(ROOT / ".venv")
    shutil.copytree(ROOT / "src/nightdrop/_web", clone / "src/nightdrop/_web")
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTDROP_", "XDG_"))}
    # Any free port, as tests run side by side.
    environment = {**keep, "HOME": str(tmp_path), "NIGHTDROP_LISTEN": "127.0.0.1:0", "PWD": str(clone)}
    return Reader(clone, environment)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE])
def test_what_a_page_says_works(page: str, reader: Reader) -> None:
    reader.follow(reader.folder / page)


def test_the_service_file_is_valid(tmp_path: Path) -> None:
    unit = (ROOT / "docs/how-to/nightdrop.service").read_text()
    # Where the program lies, and who runs it, differ from host to host; all else is checked as it is.
    program, user = re.search(r"^ExecStart=(\S+)", unit, re.MULTILINE), re.search(r"^User=(\S+)", unit, re.MULTILINE)
    assert program is not None
    assert user is not None
    file = tmp_path / "nightdrop.service"
    file.write_text(unit.replace(program[1], shutil.which("true") or "").replace(f"User={user[1]}", "User=daemon"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")), ids=lambda page: page.name
)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_page_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for page in ROOT.glob("docs/**/*.md"):
        name = str(page.relative_to(ROOT))
        assert name in readme or "docs/adr/" in name, name


def test_no_block_is_forgotten() -> None:
    languages = {block.language for page in PAGES for block in blocks(ROOT / page)}
    # A block in another language would look like commands and not be run.
    assert languages <= {"", "sh", "bash", "sql", "text", "js", "toml", "ini"}
