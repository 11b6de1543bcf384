"""What the keeper holds: database, keys, releaser; opened as far as they open, and again when asked for status."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from nightdrop.audit.events import Event
from nightdrop.core.clock import Clock
from nightdrop.core.errors import NightdropError
from nightdrop.crypto.identity import fingerprint
from nightdrop.keys.custody import Custody
from nightdrop.worker.keeper.keyring import Keyring
from nightdrop.worker.keeper.release import OUTCOMES, Releaser
from nightdrop.worker.keeper.rewrap import finish_rewrap
from nightdrop.worker.keeper.sealed_rows import SealedRows
from nightdrop.worker.keeper.store import KeeperStore, NotWrittenError


@dataclass(slots=True)
class Parts:
    """All that exists only once ``keeper.db`` could be opened."""

    store: KeeperStore
    keyring: Keyring
    releaser: Releaser


class Keeper:
    """A keeper that always starts: what cannot be opened is a reason to show, not to die."""

    def __init__(
        self,
        open_store: Callable[[], KeeperStore],
        rows: SealedRows,
        custody: Custody,
        clock: Clock,
        weaknesses: list[str] | None = None,
    ) -> None:
        self._make_store = open_store
        self._custody = custody
        self._clock = clock
        self._weaknesses = weaknesses or []
        self._store_problem: NightdropError | None = None
        self._noted: str | None = None
        self.rows = rows
        self.parts: Parts | None = None
        # Answers to runs since this process began, of all sites together.
        self.reads = dict.fromkeys(OUTCOMES.values(), 0)
        self.refresh()

    @property
    def problem(self) -> NightdropError | None:
        """What keeps the whole keeper from opening anything."""
        if self.parts is None:
            return self._store_problem
        return NotWrittenError() if self.parts.store.failed else self.parts.keyring.problem

    def refresh(self) -> None:
        """Open what is not open yet: somebody may have put a missing file back."""
        if self.parts is None:
            self._open_store()
        elif self.parts.keyring.problem is not None:
            self.parts.keyring.load()
            self._note_problem(self.parts)
        elif self.parts.store.shared:
            self.parts.keyring.catch_up()
            self._note_problem(self.parts)

    def require(self) -> Parts:
        """Return the parts.

        Raises:
            KeeperDbMissingError, KeeperDbTooNewError, KeeperDbDamagedError.
        """
        if self.parts is None:
            assert self._store_problem is not None
            raise self._store_problem
        return self.parts

    def identity(self) -> str | None:
        """Return the fingerprint of the identity that signs site keys."""
        try:
            public = self.parts.store.identity_public() if self.parts else None
        except NightdropError:
            return None
        return fingerprint(public) if public else None

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def close(self) -> None:
        self.rows.close()
        if self.parts is not None:
            self.parts.store.close()

    def _open_store(self) -> None:
        store = None
        try:
            store = self._make_store()
            keyring = Keyring(store, self._custody)
        except NightdropError as error:
            self._store_problem = error
            if store is not None:
                store.close()
            return
        keyring.load()
        if keyring.identity is not None and keyring.node is not None:
            with suppress(NotWrittenError):  # the next start tries again
                finish_rewrap(store, keyring.identity, keyring.node)
        self.parts = Parts(store, keyring, Releaser(store, keyring, self.rows, self._clock))
        self._note_start(self.parts)

    def _note_start(self, parts: Parts) -> None:
        self._noted = parts.keyring.problem.code if parts.keyring.problem else None
        about = {
            "node": parts.keyring.node,
            "problem": self._noted,
            "recipients": parts.keyring.recipients,
            "weaknesses": self._weaknesses,
        }
        try:
            parts.store.record(Event.KEEPER_STARTED, about)
        except NotWrittenError:
            return  # a full disk is shown by every request that is refused for it

    def _note_problem(self, parts: Parts) -> None:
        code = parts.keyring.problem.code if parts.keyring.problem else None
        if code == self._noted:
            return
        try:
            parts.store.record(Event.KEEPER_PROBLEM, {"node": parts.keyring.node, "problem": code})
        except NotWrittenError:
            return  # the next refresh tries again
        self._noted = code
