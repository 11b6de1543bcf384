"""Directories of a remote side: walking, making, renaming and deleting, within limits."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from nightdrop.syncjs.remotes import names
from nightdrop.syncjs.remotes.port import Item, Limits, Remote, RemoteError


class Budget:
    """How many entries a call may still look at."""

    def __init__(self, limits: Limits) -> None:
        self._left = self._all = limits.entries

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise RemoteError("list", f"more than {self._all} entries")


async def entries(remote: Remote, path: str, budget: Budget, *, times: bool = True) -> AsyncIterator[Item]:
    """Yield what is in a directory; ``times`` as with ``Remote.list_dir``.

    Raises:
        RemoteError: a name is none, as it leads elsewhere: nothing of such a server is trusted.
    """
    async with aclosing(remote.list_dir(path, times=times)) as items:
        async for item in items:
            budget.spend()
            if not names.is_name(item.name):
                raise RemoteError("list", "the server sent a name that is not one")
            yield item


async def walk(remote: Remote, path: str, limits: Limits, *, times: bool = True) -> AsyncIterator[tuple[str, Item]]:
    """Yield everything below a directory, each with the directory it is in, relative to ``path``.

    A directory comes before what is in it. Links to directories are not entered, so there are no loops.
    """
    budget = Budget(limits)
    waiting = [("", path, 0)]
    while waiting:
        relative, folder, depth = waiting.pop()
        below: list[tuple[str, str, int]] = []
        async for item in entries(remote, folder, budget, times=times):
            yield relative, item
            if item.is_dir and not item.link:
                if depth + 1 > limits.depth or len(item.path) > names.MAX_PATH:
                    raise RemoteError("list", f"directories are nested deeper than {limits.depth}")
                below.append((names.below(relative, item.name), item.path, depth + 1))
        waiting += reversed(below)


async def make_dirs(remote: Remote, path: str) -> None:
    """Make a directory and the parents that are missing."""
    missing = []
    while path not in ("", "/", "."):
        found = await remote.stat(path)
        if found and found.is_dir:
            break
        if found:
            raise RemoteError("make directory", "there is a file of that name")
        missing.append(path)
        path = names.parent(path)
    for folder in reversed(missing):
        try:
            await remote.make_dir(folder)
        except RemoteError:
            # Somebody else may have been faster.
            found = await remote.stat(folder)
            if not (found and found.is_dir):
                raise


async def delete_tree(remote: Remote, path: str, limits: Limits) -> None:
    """Delete a directory with all that is in it; of links, the links themselves."""
    if path in ("", "/", "."):
        raise RemoteError("delete", "the whole server is not deleted at once")
    folders = [path]
    async for _, item in _collected(remote, path, limits):
        if item.is_dir and not item.link:
            folders.append(item.path)
        else:
            await remote.remove_file(item.path)
    for folder in reversed(folders):
        if not remote.dirs_vanish or await remote.stat(folder):
            await remote.remove_dir(folder)


async def rename_dir(remote: Remote, old: str, new: str, limits: Limits) -> None:
    """Rename a directory, file by file where the protocol knows no other way."""
    if remote.renames_dirs:
        await remote.rename(old, new)
        return
    if f"{new}/".startswith(f"{old}/"):
        raise RemoteError("rename", "a directory cannot be moved into itself")
    await make_dirs(remote, new)
    async for relative, item in _collected(remote, old, limits):
        target = names.below(names.below(new, relative) if relative else new, item.name)
        if item.is_dir:
            await make_dirs(remote, target)
        else:
            await remote.rename(item.path, target)
    if not remote.dirs_vanish or await remote.stat(old):
        await delete_tree(remote, old, limits)


async def _collected(remote: Remote, path: str, limits: Limits) -> AsyncIterator[tuple[str, Item]]:
    # Listed to the end first: what changes under a listing is listed by luck.
    found = [entry async for entry in walk(remote, path, limits)]
    for entry in found:
        yield entry
