"""The worker's half of checkpoints: lets the keeper sign how long the audit logs are, and keeps that in app.db."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from nightdrop.audit.checkpoint import Log
from nightdrop.audit.checkpoints import (
    Kept,
    keep_checkpoints,
    keeper_log_name,
    kept_checkpoints,
    site_log_end,
    site_log_hash,
)
from nightdrop.db.engine import Database

log = structlog.get_logger()

Json = dict[str, Any]

_EVERY_S = 60.0
# Each costs a transaction and a sync on both sides: not for every thousand reads of a script that reads in a loop.
_APART_S = 5.0


class Checkpoints:
    """Signs at the start, every minute while something happens, when the keeper says that much happened, at the end."""

    def __init__(self, db: Database, ask: Callable[[Json], Awaitable[Json]], chain: str = "") -> None:
        """Take the name of the keeper's audit chain, empty when it is the only one."""
        self._db = db
        self._ask = ask
        self._names = {Log.KEEPER: keeper_log_name(chain), Log.SITE: str(Log.SITE)}
        self._due = 0.0
        self._earliest = 0.0

    def hurry(self) -> None:
        """Sign soon: the keeper's log grew a lot, or the keeper was started."""
        self._due = self._earliest

    async def look(self) -> None:
        """Sign when it is time.

        Raises:
            ChannelClosedError, and errors of the database.
        """
        if time.monotonic() >= self._due:
            self._earliest = time.monotonic() + _APART_S
            self._due = time.monotonic() + _EVERY_S
            await self.sign()

    async def sign(self) -> None:
        """Let the keeper sign both logs, and keep what it signed.

        Raises:
            ChannelClosedError, and errors of the database.
        """
        remembered = await self._ask({"op": "remembered"})
        if not remembered.get("ok"):
            return
        request = await asyncio.to_thread(self._request, int(remembered["size"]))
        answer = await self._ask(request)
        if not answer.get("ok"):
            if answer.get("code") == "checkpoint_stale":
                self.hurry()
            else:
                log.error("checkpoint_failed", code=answer.get("code"))
            return
        if answer["cut"]:
            log.error("audit_log_cut", logs=answer["cut"])
        at_ms, names = answer["at_ms"], self._names
        signed = [Kept(names[each], answer[each]["size"], at_ms, answer[each]["note"]) for each in Log]
        cut = [names[Log(each)] for each in answer["cut"]]
        await asyncio.to_thread(keep_checkpoints, self._db, signed, cut)

    def _request(self, remembered: int) -> Json:
        with self._db.read() as connection:
            size, head = site_log_end(connection)
            known = site_log_hash(connection, remembered)
            kept = [each.note for each in kept_checkpoints(connection) if each.log == self._names[Log.KEEPER]]
        return {
            "op": "checkpoint",
            "remembered": remembered,
            "size": size,
            "head": head.hex(),
            "known": known.hex() if known is not None else None,
            "kept": kept[0] if kept else None,
        }
