"""Terminal sessions as tests: a text file with commands and what they print.

::

    # Words about the story.
    $ printf %s value | nightdrop secret set api-key
    Secret api-key stored.

    $ nightdrop secret set api-key --file nowhere
    ! error: The value's file cannot be read: it does not exist.
    ! hint: Check the path and its permissions.
    ? 1

``$`` begins a command for sh, ``>`` continues it (a here-document, say). Then the lines of standard output, those of
standard error after ``!``, and ``?`` with the exit status when it is not 0. An empty line ends what is expected.

``<id>``, ``<ms>``, ``<time>``, ``<took>``, ``<print>`` (a fingerprint), ``<any>`` stand for what differs from run to
run; ``<id:RUN>`` also keeps it as ``$RUN`` for the commands that follow. ``[site]`` is the session's own site. A line
of JSON is compared as JSON, whatever the order of its keys.
"""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import Installation

_KINDS = {
    "id": r"[a-z]+_[0-9a-z]{26}",
    "ms": r"[0-9]{13}",
    "time": r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}",
    "took": r"[0-9]+\.[0-9]{3} s",
    "print": r"SHA256:[A-Za-z0-9+/]{43}",
    "number": r"[0-9]+",
    "any": r".*",
}
_PLACE = re.compile(rf"<({'|'.join(_KINDS)})(?::([A-Z]+))?>")


@dataclass
class Step:
    """A command and what it must do."""

    line: int
    command: str
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    status: int = 0


def read_session(path: Path) -> list[Step]:
    """Return the steps of a session file."""
    steps: list[Step] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("$ "):
            steps.append(Step(number, line[2:]))
        elif not line or line.startswith("# "):
            continue
        elif line.startswith(">"):
            steps[-1].command += "\n" + line[2:]
        elif line.startswith("!"):
            steps[-1].err.append(line[2:])
        elif line.startswith("? "):
            steps[-1].status = int(line[2:])
        else:
            steps[-1].out.append("" if line == "|" else line)
    return steps


class Session:
    """Plays one file in a folder of its own against a running installation."""

    def __init__(self, installation: Installation, folder: Path, site: str) -> None:
        self._folder = folder
        self._site = site
        programs = Path(installation.argv[0]).parent
        self._env = {**installation.env, "PATH": f"{programs}:{os.environ['PATH']}", "COLUMNS": "100", "TZ": "UTC"}

    def play(self, path: Path) -> None:
        for step in read_session(path):
            done = subprocess.run(
                ["sh", "-c", step.command.replace("[site]", self._site)],
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                check=False,
            )
            where = f"{path.name}:{step.line}: {step.command}"
            out, err = done.stdout.decode(), done.stderr.decode()
            told = f"{where}\n--- out\n{out}--- err\n{err}--- status {done.returncode}"
            assert done.returncode == step.status, told
            assert self._lines_match(step.out, out), told
            assert self._lines_match(step.err, err), told

    def _lines_match(self, expected: list[str], got: str) -> bool:
        lines = [line.rstrip() for line in got.splitlines()]
        return len(lines) == len(expected) and all(map(self._matches, expected, lines))

    def _matches(self, expected: str, got: str) -> bool:
        expected = expected.replace("[site]", self._site)
        if expected.startswith(("{", "[{")):
            try:
                return self._same(json.loads(expected), json.loads(got))
            except ValueError:
                pass
        return self._text_matches(expected, got)

    def _same(self, expected: Any, got: Any) -> bool:
        """Compare JSON; ``"..."`` as a key allows further keys."""
        if isinstance(expected, dict) and isinstance(got, dict):
            wanted = {key: value for key, value in expected.items() if key != "..."}
            if (len(wanted) != len(got) and "..." not in expected) or not wanted.keys() <= got.keys():
                return False
            return all(self._same(value, got[key]) for key, value in wanted.items())
        if isinstance(expected, list) and isinstance(got, list):
            return len(expected) == len(got) and all(map(self._same, expected, got))
        if isinstance(expected, str) and _PLACE.search(expected):
            return self._text_matches(expected, str(got))
        return bool(expected == got)

    def _text_matches(self, expected: str, got: str) -> bool:
        pattern, end, names = "", 0, []
        for place in _PLACE.finditer(expected):
            pattern += re.escape(expected[end : place.start()]) + f"({_KINDS[place[1]]})"
            names.append(place[2])
            end = place.end()
        found = re.fullmatch(pattern + re.escape(expected[end:]), got)
        if found is None:
            return False
        self._env.update({name: text for name, text in zip(names, found.groups(), strict=True) if name})
        return True
