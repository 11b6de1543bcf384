"""Tells what has changed in a directory between two looks at it.

Looked at again and again instead of waiting for the kernel to tell: network shares tell nothing, and what tells
(inotify) asks for no permission of the sandbox, so a script could watch directories that are not its site's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from nightdrop.syncjs.files.problem import FileProblem
from nightdrop.syncjs.files.tree import Entry, Files
from nightdrop.syncjs.remotes.names import TEMPORARY

MAX_ENTRIES = 100_000
CREATE, WRITE, REMOVE, RENAME, CHMOD = "CREATE", "WRITE", "REMOVE", "RENAME", "CHMOD"


@dataclass(frozen=True, slots=True)
class Event:
    """One change; ``path`` is what a script would write, ``at_ms`` when it was seen, in milliseconds since 1970."""

    at_ms: int
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class WatchSpec:
    """What to watch: files and directories whose names fit one of ``include`` and none of ``exclude``.

    Hidden ones are left out, and files that are being transferred.
    An event of a file is told once it has had no other for ``delay_s``.
    """

    directory: str
    recursive: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    delay_s: float = 0

    def fits(self, name: str) -> bool:
        """Tell whether a name is one to watch."""
        if any(fnmatchcase(name, mask) for mask in self.exclude):
            return False
        return not self.include or any(fnmatchcase(name, mask) for mask in self.include)


@dataclass(slots=True)
class _Held:
    events: list[Event] = field(default_factory=list)
    since: float = 0


class DirectoryWatch:
    """One directory under watch; what is in it at first is no event.

    Args:
        files: what the run can reach.
        spec: what to watch.
        monotonic: seconds that only grow.
        now_ms: milliseconds since 1970.

    Raises:
        FileProblem: it cannot be listed, or holds more than MAX_ENTRIES.
    """

    def __init__(
        self, files: Files, spec: WatchSpec, monotonic: Callable[[], float], now_ms: Callable[[], int]
    ) -> None:
        self._files, self._spec, self._monotonic, self._now_ms = files, spec, monotonic, now_ms
        self._known = self._list()
        self._held: dict[str, _Held] = {}

    def look(self) -> list[Event]:
        """Return what is to be told now.

        Raises:
            FileProblem: as above; the next look compares with what was known before.
        """
        seen = self._list()
        for event in _changes(self._known, seen, self._now_ms()):
            held = self._held.setdefault(event.path, _Held())
            held.since = self._monotonic()
            if not (held.events and held.events[-1].kind == event.kind):
                held.events.append(event)
        self._known = seen
        return self._due()

    def _due(self) -> list[Event]:
        until = self._monotonic() - self._spec.delay_s
        due = [path for path, held in self._held.items() if held.since <= until]
        return [event for path in due for event in self._held.pop(path).events]

    def _list(self) -> dict[str, Entry]:
        spec = self._spec
        found: dict[str, Entry] = {}
        entries = self._files.walk(spec.directory) if spec.recursive else self._files.list(spec.directory)
        for entry in entries:
            if len(found) >= MAX_ENTRIES:
                raise FileProblem(f"it holds more than {MAX_ENTRIES:,} files and directories")
            if spec.fits(entry.name) and not _is_passing(entry):
                found[entry.path] = entry
        return found


def _changes(before: dict[str, Entry], after: dict[str, Entry], at_ms: int) -> Iterator[Event]:
    gone = [entry for path, entry in before.items() if path not in after]
    new = [entry for path, entry in after.items() if path not in before]
    moved = _moved(gone, new)
    for entry in gone:
        yield Event(at_ms, RENAME if entry.path in moved else REMOVE, entry.path)
    for entry in new:
        yield Event(at_ms, CREATE, entry.path)
        # What was moved here whole was written elsewhere.
        if entry.size and entry.path not in moved.values():
            yield Event(at_ms, WRITE, entry.path)
    for path, entry in after.items():
        if path in before:
            yield from _changes_of(before[path], entry, at_ms)


def _changes_of(before: Entry, after: Entry, at_ms: int) -> Iterator[Event]:
    if before.is_dir != after.is_dir:
        yield Event(at_ms, REMOVE, before.path)
        yield Event(at_ms, CREATE, after.path)
        return
    # The time of a directory changes with what is in it, which has events of its own. Another file in its place is
    # written, too, whatever time it bears.
    if not after.is_dir and _content(before) != _content(after):
        yield Event(at_ms, WRITE, after.path)
    if before.mode != after.mode:
        yield Event(at_ms, CHMOD, after.path)


def _is_passing(entry: Entry) -> bool:
    """Tell whether it is hidden, as are the files that are being written here, or being transferred."""
    return entry.name.endswith(TEMPORARY) or any(part.startswith(".") for part in entry.inside.split("/"))


def _content(entry: Entry) -> tuple[int, ...]:
    return entry.size, entry.mtime_ns, entry.inode


def _moved(gone: Sequence[Entry], new: Sequence[Entry]) -> dict[str, str]:
    """Return which paths went where: the same inode, unchanged, as inode numbers are given again."""
    by_identity = {(entry.is_dir, *_content(entry)): entry.path for entry in new}
    identities = {entry.path: (entry.is_dir, *_content(entry)) for entry in gone}
    return {path: by_identity[identity] for path, identity in identities.items() if identity in by_identity}
