"""A remote directory that gets many files: listed before and after, instead of asking about each file."""

from nightdrop.syncjs.remotes import names, tree
from nightdrop.syncjs.remotes.link import Link
from nightdrop.syncjs.remotes.port import Item, Limits, RemoteError

# From this many files on, two listings cost less than asking for each.
WORTHWHILE = 50
# A directory with more entries than this for each file costs more to list.
_ENTRIES_PER_FILE = 20


class Known:
    """What was in a directory, and what has to be there in the end."""

    def __init__(self, link: Link, folder: str, files: int) -> None:
        self._link = link
        self._folder = folder
        self._limits = Limits(entries=files * _ENTRIES_PER_FILE)
        self._before: dict[str, Item] | None = None
        self._sent: dict[str, tuple[str, int]] = {}

    @property
    def looked(self) -> bool:
        """Whether ``existing`` answers without asking the server."""
        return self._before is not None

    async def look(self) -> None:
        """List the directory, unless it holds too much."""
        self._before = await self._link.ask(self._list)

    async def _list(self) -> dict[str, Item] | None:
        found: dict[str, Item] = {}
        budget = tree.Budget(self._limits)
        try:
            async for item in tree.entries(self._link.remote, self._folder, budget):
                found[item.name] = item
        except RemoteError as exc:
            if exc.lost:
                raise
            return None
        return found

    async def existing(self, target: str) -> Item | None:
        """Return what was at ``target`` before."""
        if self._before is None:
            return await self._link.ask(lambda: self._link.remote.stat(target))
        there = self._before.get(names.base(target))
        if there is None or not there.is_dir:
            self._link.remote.note_no_directory(target)
        return there

    def sent(self, source: str, target: str, size: int) -> None:
        """Note that ``size`` bytes went to ``target``; whether they arrived is seen at the end."""
        self._sent[target] = (source, size)

    async def missing(self) -> list[tuple[str, str]]:
        """Return each source that did not arrive whole, and why."""
        if not self._sent:
            return []
        after = await self._link.ask(self._list)
        wrong = []
        for target, (source, size) in self._sent.items():
            there = await self._at(after, target)
            if there is None or there.size != size:
                wrong.append((source, differs(size, there)))
        return wrong

    async def _at(self, after: dict[str, Item] | None, target: str) -> Item | None:
        if after is None:
            return await self._link.ask(lambda: self._link.remote.stat(target))
        return after.get(names.base(target))


def differs(sent: int, there: Item | None) -> str:
    """Return what is wrong with a file of which ``sent`` bytes were sent."""
    if there is None:
        return "the server took the file, but now there is none"
    return f"{sent} bytes were sent, but the server has {there.size}"
