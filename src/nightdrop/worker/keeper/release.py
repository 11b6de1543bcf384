"""Whether a run gets a secret. Everything that decides is here, in the order in which it is decided."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from nightdrop.audit.events import Event
from nightdrop.core.clock import Clock
from nightdrop.crypto.opening import Failure, OpenError, open_secret, wipe
from nightdrop.crypto.policy import Policy
from nightdrop.worker.keeper.keyring import Keyring
from nightdrop.worker.keeper.sealed_rows import RowsUnavailableError, SealedRow, SealedRows
from nightdrop.worker.keeper.store import Change, HighWater, KeeperStore, NotWrittenError

VALUE, MISSING, POLICY, EXPIRED, UNDECRYPTABLE, ROLLBACK, AUDIT = b"v", b"m", b"p", b"e", b"x", b"r", b"a"
# What each reply to GetSecret counts as, in the metrics.
OUTCOMES = {
    VALUE: "released",
    MISSING: "missing",
    POLICY: "policy",
    EXPIRED: "expired",
    UNDECRYPTABLE: "undecryptable",
    ROLLBACK: "rollback",
    AUDIT: "audit",
}
_MAX_NAME = 128
_KIND = {MISSING: "missing", POLICY: "policy", EXPIRED: "policy", ROLLBACK: "rollback"}

EVENT_OF_FAILURE = {
    Failure.FORMAT: Event.SECRET_REFUSED_FORMAT,
    Failure.VERSION: Event.SECRET_REFUSED_VERSION,
    Failure.SUITE: Event.SECRET_REFUSED_SUITE,
    Failure.EPOCH: Event.SECRET_REFUSED_EPOCH,
    Failure.AUTHENTICATION: Event.SECRET_REFUSED_AUTHENTICATION,
    Failure.RECORD: Event.SECRET_REFUSED_RECORD,
    Failure.POLICY: Event.SECRET_REFUSED_SEALED_POLICY,
}


class Wish(StrEnum):
    """What a run wants a value for; its value is what the audit entry says."""

    READ = "read"  # the script gets it
    USE = "use"  # a client puts it where a ...FromSecret field says, and the script does not get it


# A mode that this release does not know keeps the value inside.
_ALLOWED = {Wish.READ: frozenset({"read"}), Wish.USE: frozenset({"read", "use"})}


@dataclass(frozen=True, slots=True)
class Run:
    """A run as ``open_run`` bound it: all that its channel can ever ask for lies in this site."""

    run_id: str
    site_id: str
    script_id: str | None
    audit_fields: dict[str, Any]
    reported: dict[str, int] = field(default_factory=dict)


class Answer(NamedTuple):
    """The reply to a run; ``notice`` is what the worker is told, ``value`` goes to the channel and is wiped there."""

    code: bytes
    value: bytearray | None
    notice: dict[str, Any] | None


class Opened(NamedTuple):
    """A value that opened, its policy, and the mark that its release sets."""

    value: bytearray
    policy: Policy
    mark: HighWater | None


class RefusedError(Exception):
    """A secret is not released; carries the reply, the class the worker is told and the audit event."""

    def __init__(self, code: bytes, failure: str, event: Event) -> None:
        super().__init__(failure)
        self.changes: Sequence[Change] = ()
        self.code = code
        self.failure = failure
        self.event = event
        self.kind = _KIND.get(code, "undecryptable")


class Releaser:
    """Opens secrets for runs."""

    def __init__(self, store: KeeperStore, keyring: Keyring, rows: SealedRows, clock: Clock) -> None:
        self._store = store
        self._keyring = keyring
        self._rows = rows
        self._clock = clock

    def has(self, run: Run, name: str) -> bool:
        """Tell whether the run's site has a secret of this name.

        Raises:
            RowsUnavailableError
        """
        return is_name(name) and self._rows.exists(run.site_id, name)

    def get(self, run: Run, name: str, wish: Wish = Wish.READ) -> Answer:
        """Decide, write the audit entry, and only then answer."""
        try:
            return self._release(run, name, wish)
        except RefusedError as refusal:
            return self._refuse(run, name, refusal)
        except NotWrittenError:
            return Answer(AUDIT, None, _refused(run, name, "audit"))

    def check(self, site_id: str, name: str, row: SealedRow) -> tuple[str, Change | None]:
        """Open a secret only to see whether it opens; returns ``ok`` or the failure, and the mark to store.

        Raises:
            NotWrittenError: the marks cannot be read.
        """
        try:
            opened = self.open(site_id, name, row)
        except RefusedError as refusal:
            return refusal.failure, None
        wipe(opened.value)
        return "ok", self._store.high_water_change(site_id, name, opened.mark) if opened.mark else None

    def open(self, site_id: str, name: str, row: SealedRow) -> Opened:
        """Open a row, unless it is older than, or other than, what was opened before.

        Raises:
            RefusedError
            NotWrittenError: the marks cannot be read.
        """
        if not row.well_formed():
            raise RefusedError(UNDECRYPTABLE, Failure.FORMAT, Event.SECRET_REFUSED_FORMAT)
        seen = self._store.high_water(site_id, name)
        mark = HighWater(row.revision, hashlib.sha256(row.sealed).digest())
        if seen is not None and seen.revision > mark.revision:
            raise RefusedError(ROLLBACK, "rollback", Event.SECRET_REFUSED_ROLLBACK)
        other_form = seen is not None and seen.revision == mark.revision and seen.digest != mark.digest
        # Only the keeper makes another form of the same revision, when the site's key is rotated.
        if other_form and not self._store.is_reseal(site_id, name, mark):
            raise RefusedError(UNDECRYPTABLE, "swapped", Event.SECRET_REFUSED_SWAPPED)
        value, policy = self._open(site_id, name, row)
        # A row that does not open sets no mark: garbage with a high revision must not lock the real one out.
        return Opened(value, policy, None if seen == mark else mark)

    def _release(self, run: Run, name: str, wish: Wish) -> Answer:
        if not is_name(name):
            raise RefusedError(MISSING, "missing", Event.SECRET_MISSING)
        row = self._find(run.site_id, name)
        opened = self.open(run.site_id, name, row)
        changes = [self._store.high_water_change(run.site_id, name, opened.mark)] if opened.mark else ()
        released = False
        try:
            self._allow(run, opened.policy, wish, row.expires_ms, changes)
            fields = {**run.audit_fields, "secret": name, "revision": row.revision, "epoch": row.epoch}
            if wish is Wish.USE:
                fields["for"] = wish.value
            # Before the value leaves, and it does not leave when this fails.
            at_ms = self._store.record(Event.SECRET_READ, fields, changes)
            released = True
        finally:
            if not released:
                wipe(opened.value)
        return Answer(VALUE, opened.value, _used(run, name, at_ms, opened.policy))

    def _find(self, site_id: str, name: str) -> SealedRow:
        try:
            row = self._rows.find(site_id, name)
        except RowsUnavailableError as error:
            raise RefusedError(UNDECRYPTABLE, error.code, Event.SECRET_REFUSED_UNAVAILABLE) from None
        if row is None:
            raise RefusedError(MISSING, "missing", Event.SECRET_MISSING)
        return row

    def _open(self, site_id: str, name: str, row: SealedRow) -> tuple[bytearray, Policy]:
        key = self._keyring.find(site_id, row.epoch)
        if key is None:
            reason = self._keyring.reason(site_id)
            if reason is None:
                raise RefusedError(UNDECRYPTABLE, Failure.EPOCH, Event.SECRET_REFUSED_EPOCH)
            raise RefusedError(UNDECRYPTABLE, reason, Event.SECRET_REFUSED_NO_KEY)
        try:
            return open_secret(key, row.sealed, site_id=site_id, epoch=row.epoch, name=name, revision=row.revision)
        except OpenError as error:
            raise RefusedError(UNDECRYPTABLE, error.failure, EVENT_OF_FAILURE[error.failure]) from None

    def _allow(
        self, run: Run, policy: Policy, wish: Wish, row_expires_ms: int | None, changes: Sequence[Change]
    ) -> None:
        if policy is Policy.DEFAULT and row_expires_ms is None:
            return
        refusal = None
        if policy.mode not in _ALLOWED[wish] or (policy.scripts and run.script_id not in policy.scripts):
            refusal = RefusedError(POLICY, "policy", Event.SECRET_REFUSED_POLICY)
        # The earlier of what is sealed and what the row says, so that writing a row never lengthens what is sealed.
        ends = [at for at in (policy.expires_ms, row_expires_ms) if at is not None]
        if ends and min(ends) <= self._clock.now_ms():
            refusal = RefusedError(EXPIRED, "expired", Event.SECRET_REFUSED_EXPIRED)
        if refusal is not None:
            # It opened, so it counts as seen: an older revision with a wider policy must not come back.
            refusal.changes = changes
            raise refusal

    def _refuse(self, run: Run, name: str, refusal: RefusedError) -> Answer:
        # What is not a name may be anything, even a value put in the wrong place: it is not written down.
        told = name if is_name(name) else None
        fields = {**run.audit_fields, "secret": told, "reason": refusal.failure}
        try:
            self._store.record(refusal.event, fields, refusal.changes)
        except NotWrittenError:
            return Answer(AUDIT, None, _refused(run, name, "audit"))
        return Answer(refusal.code, None, _refused(run, name, refusal.kind))


def is_name(name: str) -> bool:
    """Tell whether a secret can have this name: 1 to 128 printable ASCII characters, no space at either end."""
    return 0 < len(name) <= _MAX_NAME and name.isascii() and name.isprintable() and name.strip(" ") == name


def _used(run: Run, name: str, at_ms: int, policy: Policy) -> dict[str, Any] | None:
    # Once a second is enough for "last used", and spares the worker a wake-up for each read in a loop.
    if at_ms - run.reported.get(name, 0) < 1000:
        return None
    run.reported[name] = at_ms
    notice: dict[str, Any] = {"event": "used", "run": run.run_id, "site": run.site_id, "name": name, "at_ms": at_ms}
    if policy.hosts:
        notice["hosts"] = policy.hosts
    return notice


def _refused(run: Run, name: str, kind: str) -> dict[str, Any]:
    told = name if is_name(name) else ""
    return {"event": "refused", "run": run.run_id, "site": run.site_id, "name": told, "class": kind}
