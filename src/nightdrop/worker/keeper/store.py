"""All SQL on ``keeper.db``. Each change and its audit entry are one transaction."""

import base64
import binascii
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from nightdrop.audit.chain import GENESIS, canonical, hash_entry
from nightdrop.audit.events import Event
from nightdrop.core.clock import Clock
from nightdrop.core.errors import UnavailableError
from nightdrop.keys.keeper_db import (
    BUSY_MS,
    RECIPIENTS_SIGNATURE,
    SET_META,
    KeeperDbDamagedError,
    KeeperDbMissingError,
    add_later_tables,
    check_format,
    connect,
)
from nightdrop.keys.site_keys import Recipient
from nightdrop.worker.keeper.syncer import Syncer

Change = tuple[str, Sequence[Any]]

APPEND = "INSERT INTO audit (seq, prev, body, hash) VALUES (?, ?, ?, ?)"
# The condition keeps the mark from ever going down, whatever the caller compared before. At the same revision only
# the form that the keeper itself has sealed anew takes the place of the one before.
_RAISE = """INSERT INTO high_water (site_id, name, revision, digest) VALUES (?, ?, ?, ?)
    ON CONFLICT (site_id, name) DO UPDATE SET revision = excluded.revision, digest = excluded.digest
    WHERE excluded.revision > high_water.revision
    OR (excluded.revision = high_water.revision AND EXISTS (
        SELECT 1 FROM reseals r WHERE r.site_id = excluded.site_id AND r.name = excluded.name
        AND r.revision = excluded.revision AND r.digest = excluded.digest))"""
_RESEALED = """INSERT INTO reseals (site_id, name, revision, digest) VALUES (?, ?, ?, ?)
    ON CONFLICT (site_id, name) DO UPDATE SET revision = excluded.revision, digest = excluded.digest"""
_IS_RESEAL = "SELECT 1 FROM reseals WHERE site_id = ? AND name = ? AND revision = ? AND digest = ?"
DESTROY_SEEDS = "DELETE FROM site_seeds WHERE site_id = ? AND epoch < ?"
# instr, because LIKE does not look into a BLOB. A quote inside a name is escaped in the body, so this is a field.
_SAID = "SELECT 1 FROM audit WHERE instr(body, ?) LIMIT 1"
_REMEMBER = """INSERT INTO checkpoints (log, size, note) VALUES (?, ?, ?)
    ON CONFLICT (log) DO UPDATE SET size = excluded.size, note = excluded.note
    WHERE excluded.size >= checkpoints.size"""
_FORGET = "DELETE FROM checkpoints WHERE log = ?"
# While the keeper waits for a reader of its log, every run waits.
_PURGE_BUSY_MS = 20
_REPLACED = "replaced_node"
_HIGH_WATER = "SELECT revision, digest FROM high_water WHERE site_id = ? AND name = ?"


class NotWrittenError(UnavailableError):
    """The keeper's database cannot be written."""

    code = "keeper_db_not_written"
    hint = (
        "Check free disk space and the permissions of keeper/keeper.db; on PostgreSQL, whether it answers, and whether"
        " somebody else wrote to this host's audit chain: nightdrop audit verify"
    )


class SealedSeed(NamedTuple):
    """A site's seed of one epoch, sealed to one recipient."""

    site_id: str
    epoch: int
    sealed: bytes


class HighWater(NamedTuple):
    """The highest revision of a secret that was ever opened, and the SHA-256 of its sealed form."""

    revision: int
    digest: bytes


class KeeperStore:
    """The keeper's only connection to its database; it must be the only process that writes."""

    # Whether keepers of other hosts write to the same database, and the name of our audit chain there.
    shared = False
    chain = ""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open the database.

        Raises:
            KeeperDbMissingError, KeeperDbTooNewError, KeeperDbDamagedError.
        """
        if not path.exists():
            raise KeeperDbMissingError
        self._clock = clock
        try:
            self._connection = connect(path)
            check_format(self._connection)
            add_later_tables(self._connection)
            # Moving pages into the database is the syncer's work; a commit must not stop for it.
            self._connection.execute("PRAGMA wal_autocheckpoint=0")
            # What a keeper left that was killed before it could empty its log; a reader or a full disk may prevent it.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            row = self._connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
            self._syncer = Syncer(path)
        except sqlite3.Error:
            raise KeeperDbDamagedError from None
        self._seq: int = row[0] if row else 0
        self._head: bytes = row[1] if row else GENESIS
        self._cursor = self._connection.cursor()

    def record(
        self, event: Event, fields: dict[str, Any], changes: Iterable[Change] = (), *, durable: bool = False
    ) -> int:
        """Append one audit entry, make ``changes`` in the same transaction, and return the entry's time in ms.

        ``durable`` waits for the disk; otherwise the disk follows within 50 ms.

        Raises:
            NotWrittenError: nothing was changed.
        """
        at_ms = self._clock.now_ms()
        seq = self._seq + 1
        body = canonical({**fields, "event": event, "at_ms": at_ms})
        digest = hash_entry(seq, self._head, body)
        self._write([*changes, (APPEND, (seq, self._head, body, digest))])
        # Only now: after a failed write the next entry must take this one's place.
        self._seq, self._head = seq, digest
        if durable:
            self.sync()
        return at_ms

    def raise_high_water(self, changes: Iterable[Change]) -> None:
        """Store marks that no audit entry belongs to.

        Raises:
            NotWrittenError: nothing was changed.
        """
        if todo := list(changes):
            self._write(todo)

    @staticmethod
    def high_water_change(site_id: str, name: str, mark: HighWater) -> Change:
        """Return the change that raises the mark of a secret."""
        return _RAISE, (site_id, name, *mark)

    def high_water(self, site_id: str, name: str) -> HighWater | None:
        """Return the mark of a secret.

        Raises:
            NotWrittenError: the database cannot be read.
        """
        try:
            rows = self._cursor.execute(_HIGH_WATER, (site_id, name)).fetchall()
        except sqlite3.Error:
            raise NotWrittenError from None
        return HighWater(*rows[0]) if rows else None

    @staticmethod
    def reseal_change(site_id: str, name: str, mark: HighWater) -> Change:
        """Return the change that lets a form that the keeper sealed anew take the place of the one before."""
        return _RESEALED, (site_id, name, *mark)

    def is_reseal(self, site_id: str, name: str, mark: HighWater) -> bool:
        """Tell whether the keeper itself made this form when it sealed the revision anew.

        Raises:
            NotWrittenError: the database cannot be read.
        """
        try:
            return bool(self._cursor.execute(_IS_RESEAL, (site_id, name, *mark)).fetchall())
        except sqlite3.Error:
            raise NotWrittenError from None

    def note_reseals(self, changes: Iterable[Change]) -> None:
        """Store re-seals and marks; on disk when this returns.

        Raises:
            NotWrittenError: nothing was changed, or the disk failed: hand nothing out.
        """
        if todo := list(changes):
            self._write(todo)
            # A re-sealed row that reaches the disk before its note would be taken for a swapped one.
            self.sync()

    @property
    def entries(self) -> int:
        """How many entries the audit chain has."""
        return self._seq

    @property
    def end(self) -> tuple[int, bytes]:
        """How many entries the audit chain has, and the hash of the last one."""
        return self._seq, self._head

    def entry_hash(self, seq: int) -> bytes | None:
        """Return the hash of one audit entry."""
        rows = self._all("SELECT hash FROM audit WHERE seq = ?", seq)
        return rows[0][0] if rows else None

    def said(self, key: str, value: str) -> bool:
        """Tell whether any audit entry has this field; reads the whole log."""
        return bool(self._all(_SAID, canonical({key: value})[1:-1]))

    def checkpoint(self, log: str) -> str | None:
        """Return the newest signed checkpoint of another log that is remembered here."""
        rows = self._all("SELECT note FROM checkpoints WHERE log = ?", log)
        return rows[0][0] if rows else None

    def remember_checkpoint(self, log: str, size: int, note: str, *, replace: bool = False) -> None:
        """Keep a signed checkpoint of another log, unless a longer one is kept; ``replace`` takes that one's place.

        Raises:
            NotWrittenError: nothing was changed.
        """
        forget: list[Change] = [(_FORGET, (log,))] if replace else []
        self._write([*forget, (_REMEMBER, (log, size, note))])

    def recipients_signature(self) -> bytes | None:
        """Return the signature over the list of recipients; empty when it is not well formed."""
        rows = self._all("SELECT value FROM meta WHERE key = ?", RECIPIENTS_SIGNATURE)
        if not rows:
            return None
        try:
            return base64.b64decode(rows[0][0], validate=True)
        except (binascii.Error, ValueError):
            return b""

    @staticmethod
    def recipients_signature_change(signature: bytes) -> Change:
        """Return the change that stores the signature over the list of recipients."""
        return SET_META, (RECIPIENTS_SIGNATURE, base64.b64encode(signature).decode("ascii"))

    def replaced_node(self) -> str | None:
        """Return the fingerprint of the node key that is being replaced."""
        rows = self._all("SELECT value FROM meta WHERE key = ?", _REPLACED)
        return rows[0][0] if rows else None

    def replaced_node_change(self, node: str) -> Change:
        """Return the change that notes which node key is being replaced."""
        return SET_META, (_REPLACED, node)

    def remove_recipient_changes(self, recipient: str) -> list[Change]:
        """Return the changes that remove a replaced recipient with everything that is sealed to it."""
        return [
            ("DELETE FROM recipients WHERE fingerprint = ?", (recipient,)),
            ("DELETE FROM meta WHERE key = ?", (_REPLACED,)),
        ]

    @staticmethod
    def only_these_changes(recovery: str, kept: Sequence[str]) -> list[Change]:
        """Return the changes that leave the recipients ``kept``, one of them the recovery key."""
        marks = ", ".join("?" * len(kept))
        return [
            (f"DELETE FROM recipients WHERE fingerprint NOT IN ({marks})", tuple(kept)),  # noqa: S608 - marks alone
            ("UPDATE recipients SET kind = 'recovery' WHERE fingerprint = ?", (recovery,)),
        ]

    def recipients(self) -> list[Recipient]:
        return [
            Recipient(*row) for row in self._all("SELECT kind, public_key FROM recipients ORDER BY kind, fingerprint")
        ]

    def own_nodes(self) -> list[str]:
        """Return the fingerprints of the node keys that this home has had."""
        return [each.fingerprint for each in self.recipients() if each.kind == "node"]

    def is_removed_node(self, node: str) -> bool:
        """Tell whether another host took this node off the list; here there is no other."""
        del node
        return False

    def check_identity(self, public: bytes) -> None:
        """See that the identity is the one that this home knows; ``keeper.db`` is nobody's but this home's.

        Raises:
            IdentityReplacedError
        """

    def recipients_held(self) -> AbstractContextManager[None]:
        """Let no other keeper add a recipient, or make a site key, meanwhile; here there is no other."""
        return nullcontext()

    def identity_public(self) -> bytes | None:
        rows = self._all("SELECT public FROM identity LIMIT 1")
        return rows[0][0] if rows else None

    def sealed_identity(self, recipient: str) -> bytes | None:
        """Return the identity's seed, sealed to the recipient with this fingerprint."""
        rows = self._all("SELECT sealed FROM identity WHERE fingerprint = ?", recipient)
        return rows[0][0] if rows else None

    def sealed_seeds(self, recipient: str) -> list[SealedSeed]:
        """Return every site's seeds, sealed to the recipient with this fingerprint."""
        return [
            SealedSeed(*row)
            for row in self._all("SELECT site_id, epoch, sealed FROM site_seeds WHERE fingerprint = ?", recipient)
        ]

    def site_epochs(self) -> list[tuple[str, int]]:
        """Return each site with each of its epochs."""
        return self._all("SELECT DISTINCT site_id, epoch FROM site_seeds ORDER BY site_id, epoch")

    @property
    def failed(self) -> bool:
        """Whether the disk lost a write: nothing more is written until the keeper starts again."""
        return self._syncer.failed

    def purge(self) -> None:
        """Empty the write-ahead log, so that removed seeds are in no file.

        Raises:
            NotWrittenError: somebody reads, or the disk is full.
        """
        if not self.try_purge():
            raise NotWrittenError

    def try_purge(self) -> bool:
        """Empty the write-ahead log without waiting for a reader; return whether it is empty."""
        self._all(f"PRAGMA busy_timeout={_PURGE_BUSY_MS}")
        try:
            return bool(self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0] == 0)
        except sqlite3.Error:
            return False
        finally:
            self._all(f"PRAGMA busy_timeout={BUSY_MS}")

    def close(self) -> None:
        """Sync and close."""
        self._syncer.close()
        self._connection.close()

    def _all(self, sql: str, *parameters: Any) -> list[Any]:
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error:
            raise KeeperDbDamagedError from None

    def _write(self, changes: list[Change]) -> None:
        if self.failed:
            raise NotWrittenError
        execute = self._cursor.execute
        try:
            if len(changes) == 1:
                execute(*changes[0])
            else:
                execute("BEGIN IMMEDIATE")
                for change in changes:
                    execute(*change)
                execute("COMMIT")
        except sqlite3.Error:
            self._roll_back()
            raise NotWrittenError from None
        self._syncer.written()

    def _roll_back(self) -> None:
        # Some errors (a full disk) end the transaction on their own.
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                self._syncer.failed = True

    def sync(self) -> None:
        """Wait until everything written is on disk.

        Raises:
            NotWrittenError: the disk failed.
        """
        self._syncer.sync()
        if self.failed:
            raise NotWrittenError
