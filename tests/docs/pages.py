"""Plays the `sh` and `bash` blocks of a page, in their order and exactly as they are written.

What a reader does beside them stands in HTML comments, which nobody sees:

- ``<!-- test: server -->`` before a block: it runs until it is stopped; go on when it says "is ready".
- ``<!-- test: stop -->``: the reader stops the server with Ctrl-C.
- ``<!-- test: as root on a host -->`` before a block: not run, as it changes the host; its syntax is checked.
- ``<!-- test: prints -->`` before a `text` block: what the `sh` block before it printed, where ``...`` is any text.
- ``<!-- test: input recovery key -->`` before a block: its standard input is the recovery key that was printed.
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from support import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]
_PIECE = re.compile(
    r"<!-- test: (?P<note>[^>]*?) -->|^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_RECOVERY_KEY = re.compile(r"NIGHTDROP-RECOVERY-1(-[0-9A-Z]{4}){14}")
READY = "is ready on"


@dataclass
class Block:
    """A block of a page and the note before it."""

    language: str
    text: str
    note: str = ""


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page; a note that belongs to no block comes alone, without a language."""
    note = ""
    for piece in _PIECE.finditer(page.read_text()):
        if piece["note"] is not None:
            note = piece["note"]
            if note == "stop":
                yield Block("", "", note)
                note = ""
        else:
            yield Block(piece["language"], piece["text"], note)
            note = ""


@dataclass
class Reader:
    """Somebody who types what a page says into one terminal, and into another for the server."""

    folder: Path
    environment: dict[str, str]
    inputs: dict[str, str] = field(default_factory=dict)
    printed: str = ""
    _server: subprocess.Popen[bytes] | None = None

    def follow(self, page: Path) -> None:
        """Do all that ``page`` says."""
        try:
            for block in blocks(page):
                self.do(block, page.name)
        finally:
            self.stop()

    def stop(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            os.killpg(server.pid, signal.SIGINT)
            assert server.wait(DEADLINE_S) == 0
            assert server.stdout is not None
            server.stdout.close()

    def do(self, block: Block, page: str) -> None:
        """Do what one block of ``page`` says."""
        if block.note == "stop":
            self.stop()
        elif block.language == "sh" and block.note == "as root on a host":
            subprocess.run(["sh", "-n", "-c", block.text], check=True)
        elif block.language == "sh" and block.note == "server":
            self._start(block.text)
        elif block.language in {"sh", "bash"}:
            self._type(block, page)
        elif block.note == "prints":
            pattern = ".*?".join(map(re.escape, block.text.split("...")))
            assert re.fullmatch(pattern, self.printed, re.DOTALL), f"{page} promises:\n{block.text}\n{self.printed}"

    def _type(self, block: Block, page: str) -> None:
        # What a block exports, and where it goes, holds for the ones after it.
        after = self.folder.parent / "environment"
        done = subprocess.run(
            [block.language, "-e", "-c", f"{block.text}\nenv -0 > '{after}'"],
            cwd=self.environment.get("PWD", str(self.folder)),
            env=self.environment,
            input=self.inputs[block.note.removeprefix("input ")] if block.note else "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        self.printed = done.stdout
        assert done.returncode == 0, f"{page}:\n{block.text}\n{done.stdout}"
        pairs = (entry.partition("=") for entry in after.read_text().split("\0") if entry)
        self.environment = {name: value for name, _, value in pairs}

    def _start(self, text: str) -> None:
        self._server = subprocess.Popen(
            ["sh", "-c", f"exec {text}"],
            cwd=self.environment.get("PWD", str(self.folder)),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        said = ""
        assert self._server.stdout is not None
        while READY not in said:
            line = self._server.stdout.readline().decode()
            assert line, f"it did not start:\n{said}"
            said += line
        self.printed = said
        if found := _RECOVERY_KEY.search(said):
            self.inputs["recovery key"] = found[0] + "\n"
