"""What docs/how-to/postgresql.md says works, with two hosts (here two homes) and a PostgreSQL server of its own."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.pages import ROOT, Reader, blocks
from postgres_server import PostgresServer

PAGE = ROOT / "docs/how-to/postgresql.md"
ON_THE_NEW_HOST = "on the new host"
_URL = re.compile(r"^read -rs (\w+) +# (\S+)$", re.MULTILINE)
_NODE = re.compile(r"nightdrop key approve (SHA256:\S{43})\n")


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer(tcp=True)
    yield server
    server.stop()


def host(folder: Path, more: dict[str, str]) -> Reader:
    """Return somebody on a host where nightdrop is installed."""
    work = folder / "work"
    work.mkdir(parents=True)
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTDROP_", "XDG_", "PG"))}
    path = f"{Path(sys.executable).parent}:{keep['PATH']}"
    return Reader(work, {**keep, "PATH": path, "HOME": str(folder), "NIGHTDROP_LISTEN": "127.0.0.1:0", **more})


def test_what_the_page_says_works(postgres: PostgresServer, tmp_path: Path) -> None:
    # The page's own URLs; only where the server is differs.
    found = {
        name: url.replace("db.example", f"127.0.0.1:{postgres.port}") for name, url in _URL.findall(PAGE.read_text())
    }
    first, new = host(tmp_path / "first", {}), host(tmp_path / "new", found)
    first.inputs["database urls"] = "".join(f"{url}\n" for url in found.values())
    node = ""
    try:
        for block in blocks(PAGE):
            if block.language == "sql":
                postgres.type(block.text)
                continue
            here = new if block.note.endswith(ON_THE_NEW_HOST) else first
            block.note = block.note.removesuffix(ON_THE_NEW_HOST).strip()
            block.text = block.text.replace("SHA256:...", node)
            here.do(block, PAGE.name)
            if made := _NODE.search(new.printed):
                node = made[1]
        assert node
        assert re.search(rf"{re.escape(node)} .* removed\b", first.printed)
        for name in ("NIGHTDROP_DATABASE", "NIGHTDROP_KEEPER_DATABASE"):
            assert found[name]
            assert name not in first.environment
        roles = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'nightdrop' AND usename = 'nightdrop_keeper'"
        assert postgres.query(roles) != [(0,)]
    finally:
        new.stop()
        first.stop()
