"""The keeper's data in PostgreSQL, shared by the keepers of all hosts; see ``keys.keeper_postgres``.

Each host writes an audit chain of its own, so no keeper waits for another one. Everything else is shared: what one
keeper has seen of a secret's revisions holds for all.
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nightdrop.audit.events import Event
from nightdrop.core.clock import Clock
from nightdrop.core.errors import NightdropError
from nightdrop.crypto.identity import fingerprint
from nightdrop.keys.keeper_db import SET_META, KeeperDbDamagedError
from nightdrop.keys.keeper_postgres import (
    KeeperDbUnreachableError,
    check_schema_format,
    connect,
    genesis,
    portable,
)
from nightdrop.keys.known_identity import check_identity
from nightdrop.worker.keeper.store import APPEND, Change, HighWater, KeeperStore, NotWrittenError

if TYPE_CHECKING:
    import psycopg

_END: Final = "SELECT seq, hash FROM audit WHERE chain = %s ORDER BY seq DESC LIMIT 1"
_HIGH_WATER: Final = "SELECT revision, digest FROM high_water WHERE site_id = ? AND name = ?"
_OWN_NODES: Final = "SELECT fingerprint FROM recipients WHERE kind = 'node' AND home = ?"
_IS_RESEAL: Final = "SELECT 1 FROM reseals WHERE site_id = ? AND name = ? AND revision = ? AND digest = ?"
_ENTRY_HASH: Final = "SELECT hash FROM audit WHERE chain = ? AND seq = ?"
_NODES: Final = "SELECT fingerprint, home FROM recipients WHERE kind = 'node' ORDER BY home, fingerprint"
_REQUESTS: Final = "SELECT public_key, home, at_ms FROM join_requests ORDER BY at_ms, fingerprint"
_HOLD: Final = "SELECT pg_advisory_lock(?)"
_LET_GO: Final = "SELECT pg_advisory_unlock(?)"
# Any constant that no other advisory lock has.
_RECIPIENTS_LOCK: Final = 0x6E64_6B72_6563
_META: Final = "SELECT value FROM meta WHERE key = ?"
_FORGET_META: Final = "DELETE FROM meta WHERE key = ?"
_REMOVE: Final = "DELETE FROM recipients WHERE fingerprint = ?"
_REMOVED: Final = "SELECT value FROM meta WHERE starts_with(key, ?) ORDER BY key"
_FORGET_REPLACED: Final = "DELETE FROM meta WHERE starts_with(key, 'replaced_node/') AND value = ?"
# Divides by zero, so nothing of the transaction happens, unless the row is there.
_STILL: Final = "SELECT 1 / count(*) FROM (SELECT 1 FROM meta WHERE key = ? AND value = ? FOR UPDATE) AS found"
_RETRY_S = 1.0
# Before the fingerprint of a node that was taken out, as a key of `meta`.
_REMOVED_NODE: Final = "removed_node/"

# Number and hash of a chain's last entry.
End = tuple[int, bytes]


class Request(NamedTuple):
    """A node that asks to join."""

    public_key: bytes
    home: str
    at_ms: int

    @property
    def fingerprint(self) -> str:
        # Of the key itself: whoever writes to the table can write anything beside it.
        return fingerprint(self.public_key)


class RemovedNode(NamedTuple):
    """A node that was taken out, and the newest epoch of each site (by id) whose key it knows."""

    fingerprint: str
    home: str
    knew: dict[str, int]


class PostgresKeeperStore(KeeperStore):
    """A keeper's connection; it comes back by itself after the server was away."""

    shared = True
    _not_before = 0.0

    def __init__(self, url: str, home: str, clock: Clock, *, known: Path, part: str = "") -> None:
        """Connect.

        Args:
            url: as ``keeper_config`` gives it.
            home: instance of this home; it names the audit chain.
            clock: tells the time of entries.
            known: file with the fingerprint of the identity that this home knows.
            part: which of the home's processes writes, when it is not the keeper: each has a chain of its own.

        Raises:
            KeeperDriverMissingError, KeeperDbUnreachableError, KeeperSchemaMissingError, KeeperDbTooNewError,
            KeeperDbDamagedError.
        """
        self._url = url
        self._known = known
        self._home = home
        # Each host replaces its own node key.
        self._replaced = f"replaced_node/{home}"
        self.chain = f"{home}/{part}" if part else home
        self._clock = clock
        self._forked = False
        # The entry of a commit that was not answered: it may be in the chain, or not.
        self._doubtful: End | None = None
        self._postgres: psycopg.Connection[Any] | None = self._open()
        try:
            check_schema_format(self._postgres)
            self._seq, self._head = self._find_end(self._postgres)
        except BaseException:
            self.close()
            raise

    @property
    def failed(self) -> bool:
        """Whether somebody else wrote to this chain, or entries of it are gone: nothing more is written."""
        return self._forked

    def record(
        self, event: Event, fields: dict[str, Any], changes: Iterable[Change] = (), *, durable: bool = False
    ) -> int:
        # The number of the entry must not be chosen before it is known how the chain ends.
        try:
            self._require()
        except NightdropError:
            raise NotWrittenError from None
        return super().record(event, fields, changes, durable=durable)

    def high_water(self, site_id: str, name: str) -> HighWater | None:
        try:
            rows = self._all(_HIGH_WATER, site_id, name)
        except NightdropError:
            raise NotWrittenError from None
        return HighWater(*rows[0]) if rows else None

    def own_nodes(self) -> list[str]:
        return [row[0] for row in self._all(_OWN_NODES, self._home)]

    def nodes(self) -> list[tuple[str, str]]:
        """Return each node's fingerprint with the instance of its home."""
        return [(row[0], row[1]) for row in self._all(_NODES)]

    def requests(self) -> list[Request]:
        """Return the nodes that ask to join, the first one first."""
        return [Request(*row) for row in self._all(_REQUESTS)]

    def sign_anew_changes(self, before: bytes, after: bytes) -> list[Change]:
        """Return the changes that put one signature over the recipients in place of exactly the one before.

        The lock on the list goes with a lost connection, and the write is made again on a new one: what another
        keeper has signed since is not overwritten.
        """
        _, (key, value) = self.recipients_signature_change(before)
        return [(_STILL, (key, value)), self.recipients_signature_change(after)]

    def removed_nodes(self) -> list[RemovedNode]:
        """Return the nodes that were taken out.

        Raises:
            KeeperDbDamagedError: somebody else wrote there.
        """
        try:
            said = [json.loads(row[0]) for row in self._all(_REMOVED, _REMOVED_NODE)]
            return [RemovedNode(str(each["node"]), str(each["home"]), dict(each["knew"])) for each in said]
        except (ValueError, TypeError, KeyError):
            raise KeeperDbDamagedError from None

    def is_removed_node(self, node: str) -> bool:
        return bool(self._all(_META, _REMOVED_NODE + node))

    def remove_node_changes(self, node: RemovedNode) -> list[Change]:
        """Return the changes that take out a node with everything that is sealed to it, and remember that it was."""
        said = json.dumps({"node": node.fingerprint, "home": node.home, "knew": node.knew}, separators=(",", ":"))
        return [
            (_REMOVE, (node.fingerprint,)),
            (_FORGET_REPLACED, (node.fingerprint,)),
            (SET_META, (_REMOVED_NODE + node.fingerprint, said)),
        ]

    def check_identity(self, public: bytes) -> None:
        check_identity(self._known, fingerprint(public))

    @contextmanager
    def recipients_held(self) -> Iterator[None]:
        # Of the session: what is read before and what is written after are two transactions.
        self._all(_HOLD, _RECIPIENTS_LOCK)
        try:
            yield
        finally:
            # A lost connection has let go of it already.
            with suppress(NightdropError):
                self._all(_LET_GO, _RECIPIENTS_LOCK)

    def is_reseal(self, site_id: str, name: str, mark: HighWater) -> bool:
        try:
            return bool(self._all(_IS_RESEAL, site_id, name, *mark))
        except NightdropError:
            raise NotWrittenError from None

    def entry_hash(self, seq: int) -> bytes | None:
        rows = self._all(_ENTRY_HASH, self.chain, seq)
        return rows[0][0] if rows else None

    def said(self, key: str, value: str) -> bool:
        """Return ``True``: what this question is for, a list of recipients from before it was signed, is not here."""
        del key, value
        return True

    def replaced_node(self) -> str | None:
        rows = self._all(_META, self._replaced)
        return rows[0][0] if rows else None

    def replaced_node_change(self, node: str) -> Change:
        return SET_META, (self._replaced, node)

    def remove_recipient_changes(self, recipient: str) -> list[Change]:
        return [(_REMOVE, (recipient,)), (_FORGET_META, (self._replaced,))]

    def purge(self) -> None:
        """Do nothing: what the server keeps of deleted rows, and for how long, is its business."""

    def try_purge(self) -> bool:
        return True

    def close(self) -> None:
        if self._postgres is not None:
            self._postgres.close()
            self._postgres = None

    def _all(self, sql: str, *parameters: Any) -> list[Any]:
        import psycopg

        fresh = self._postgres is None
        try:
            return self._require().execute(portable(sql), parameters, binary=True).fetchall()
        except psycopg.OperationalError:
            self.close()
            if fresh:
                raise KeeperDbUnreachableError from None
            # Perhaps only this connection was lost.
            return self._all(sql, *parameters)
        except psycopg.Error:
            self.close()
            raise KeeperDbDamagedError from None

    def _write(self, changes: list[Change]) -> None:
        import psycopg

        end = _end_of(changes)
        fresh = self._postgres is None
        try:
            connection = self._require()
            if end is None or (self._seq, self._head) != end:
                _execute(connection, changes)
        except psycopg.errors.UniqueViolation as error:
            # Somebody else has written this entry of our chain. Any other row that is there already is no harm.
            self._forked = error.diag.table_name == "audit"
            raise NotWrittenError from None
        except psycopg.OperationalError:
            self.close()
            self._doubtful = end
            if fresh:
                raise NotWrittenError from None
            self._write(changes)
        except (psycopg.Error, NightdropError):
            raise NotWrittenError from None

    def sync(self) -> None:
        """Do nothing: a commit is on the server's disk when it is answered."""

    def _require(self) -> "psycopg.Connection[Any]":
        """Return the connection; a new one only when the chain still ends where this keeper left it.

        Raises:
            NotWrittenError: it does not.
            KeeperDbUnreachableError, KeeperSchemaMissingError, KeeperDbDamagedError.
        """
        if self._forked:
            raise NotWrittenError
        if self._postgres is None:
            connection = self._open()
            found = self._find_end(connection)
            if found == self._doubtful:
                self._seq, self._head = found
            elif found != (self._seq, self._head):
                connection.close()
                self._forked = True
                raise NotWrittenError
            self._doubtful = None
            self._postgres = connection
        return self._postgres

    def _open(self) -> "psycopg.Connection[Any]":
        # A server that does not answer must not stop every run for seconds, one after the other.
        if time.monotonic() < self._not_before:
            raise KeeperDbUnreachableError
        try:
            return connect(self._url, home=self._home, chain=self.chain)
        except NightdropError:
            self._not_before = time.monotonic() + _RETRY_S
            raise

    def _find_end(self, connection: "psycopg.Connection[Any]") -> End:
        import psycopg

        try:
            row = connection.execute(_END, (self.chain,), binary=True).fetchone()
        except psycopg.Error:
            raise KeeperDbDamagedError from None
        return (row[0], row[1]) if row else (0, genesis(self.chain))


def _end_of(changes: Sequence[Change]) -> End | None:
    """Return how the chain ends after ``changes``, ``None`` when they do not append to it."""
    sql, values = changes[-1]
    return (values[0], values[-1]) if sql == APPEND else None


def _execute(connection: "psycopg.Connection[Any]", changes: Sequence[Change]) -> None:
    if len(changes) == 1:
        sql, values = changes[0]
        connection.execute(portable(sql), values)
        return
    with connection.transaction():
        for sql, values in changes:
            connection.execute(portable(sql), values)
