"""A directory that holds the scripts of a site, made for version control: a file for each, and one that describes them.

The description is ``nightdrop.json``: of each script its file, description, whether it is idempotent, and the version
and digest of the code that was pulled or pushed last. These tell what changed here and what changed on the server.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from nightdrop.cli.errors import reason
from nightdrop.core.errors import ConflictError, InvalidError

INDEX = "nightdrop.json"
_PLAIN = " !#$&'()+,;=@[]^_`{}~"


class FolderError(InvalidError):
    """The directory of scripts cannot be used."""

    code = "script_folder"
    hint = "Check the path."


class FolderConflictError(ConflictError):
    """Scripts have changed here and on the server."""

    code = "script_folder_conflict"
    hint = "Compare with: nightdrop script diff NAME. Then --force lets this side win."


@dataclass(slots=True)
class Entry:
    """What the directory knows of a script."""

    file: str
    description: str
    idempotent: bool
    version: int
    sha256: str


class Folder:
    """The directory; changes of the index are written by ``save``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries = self._load()

    def code(self, entry: Entry) -> str | None:
        """Return the code of a script as it is here, ``None`` without its file.

        Raises:
            FolderError: it cannot be read, or is not UTF-8.
        """
        try:
            return (self.path / entry.file).read_bytes().decode()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FolderError(f"{entry.file} cannot be read: {reason(error)}.") from None
        except UnicodeDecodeError:
            raise FolderError(f"{entry.file} is not UTF-8 text.") from None

    def write(self, entry: Entry, code: str) -> None:
        """Write a script's file, whole or not at all.

        Raises:
            FolderError: it cannot be written.
        """
        self._write(entry.file, code.encode())

    def remove(self, entry: Entry) -> None:
        (self.path / entry.file).unlink(missing_ok=True)

    def strangers(self) -> list[tuple[str, str]]:
        """Return name and file of each script file that the index does not have."""
        known = {entry.file for entry in self.entries.values()}
        files = sorted(path.name for path in self.path.glob("*.js") if path.is_file())
        return [(name_of(file), file) for file in files if file not in known]

    def save(self) -> None:
        """Write the index; the same scripts make the same file.

        Raises:
            FolderError: it cannot be written.
        """
        scripts = {name: asdict(self.entries[name]) for name in sorted(self.entries)}
        self._write(INDEX, (json.dumps({"scripts": scripts}, indent=2, ensure_ascii=False) + "\n").encode())

    def _load(self) -> dict[str, Entry]:
        try:
            text = (self.path / INDEX).read_text()
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError):
            raise FolderError(f"{INDEX} cannot be read.") from None
        try:
            return {name: _entry(values) for name, values in json.loads(text)["scripts"].items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise FolderError(f"{INDEX} does not describe scripts.", hint="Restore it, or pull again.") from None

    def _write(self, name: str, data: bytes) -> None:
        path = self.path / name
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.read_bytes() == data:
                return
            fresh = self.path / f".{name}.new"
            fresh.write_bytes(data)
            fresh.replace(path)
        except OSError as error:
            raise FolderError(f"{name} cannot be written: {reason(error)}.") from None


def _entry(values: dict[str, Any]) -> Entry:
    entry = Entry(**values)
    # It names a file of this directory, whoever wrote it.
    if not isinstance(entry.file, str) or re.fullmatch(r"[^/\0.][^/\0]*\.js", entry.file) is None:
        raise ValueError
    return entry


def digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def file_of(name: str) -> str:
    """Return the file of a script: its name, with what no file name holds everywhere written as in addresses."""
    written = quote(name, safe=_PLAIN)
    return f"{'%2E' + written[1:] if written.startswith('.') else written}.js"


def name_of(file: str) -> str:
    return unquote(file.removesuffix(".js"))
