"""The worker's half of a rotation: hands out secrets of earlier epochs and puts their new forms in place.

No person calls this, so no Caller. Each step belongs to one worker at a time: see ``claim``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, or_, select, true, update

from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import SYSTEM
from nightdrop.core.clock import Clock
from nightdrop.core.errors import ConflictError
from nightdrop.db.engine import Database
from nightdrop.db.errors import ResidueRemainsError
from nightdrop.db.tables import rotations
from nightdrop.secrets import raw
from nightdrop.secrets.model import UNDECRYPTABLE, SealedSecret

# What goes to the keeper in one go. Small, so that runs that ask the keeper for a secret meanwhile hardly wait.
_BATCH = 100
_BATCH_BYTES = 256 * 1024
_LEASE_MS = 60_000


class RotationTakenError(ConflictError):
    """Another worker goes on with this rotation."""

    code = "rotation_taken"


@dataclass(frozen=True, slots=True)
class OpenRotation:
    """A rotation that is not finished."""

    site_id: str
    epoch: int
    drop_undecryptable: bool
    problem: str | None


class OldSecret(NamedTuple):
    """A secret of an earlier epoch; ``id`` is where the next batch begins."""

    id: str
    secret: SealedSecret


class Resealing:
    """The rotations of all sites, for one worker."""

    def __init__(self, db: Database, clock: Clock, worker_id: str) -> None:
        self._db = db
        self._clock = clock
        self._worker_id = worker_id

    def unfinished(self) -> list[OpenRotation]:
        """Return every rotation that is not finished."""
        columns = select(
            rotations.c.site_id, rotations.c.epoch, rotations.c.drop_undecryptable, rotations.c.problem
        ).where(rotations.c.finished_ms.is_(None))
        with self._db.read() as connection:
            return [OpenRotation(*row) for row in connection.execute(columns)]

    def claim(self, rotation: OpenRotation) -> bool:
        """Take the turn, for a minute from the last step on; ``False`` when another worker has it."""
        free = [
            rotations.c.worker_id.is_(None),
            rotations.c.worker_id == self._worker_id,
            rotations.c.lease_until_ms < self._clock.now_ms(),
        ]
        if self._db.is_sqlite:
            # One worker serves one home, so whoever has it is a worker that was killed.
            free.append(true())
        wanted = _is(rotation) & rotations.c.finished_ms.is_(None) & or_(*free)
        with self._db.write() as connection:
            values = {"worker_id": self._worker_id, "lease_until_ms": self._clock.now_ms() + _LEASE_MS}
            return connection.execute(update(rotations).where(wanted).values(values)).rowcount == 1

    def old_secrets(self, rotation: OpenRotation, after: str) -> list[OldSecret]:
        """Return the next secrets of earlier epochs, in the order of their ids, behind ``after``."""
        with self._db.read() as connection:
            rows = raw.older(connection, rotation.site_id, rotation.epoch, after, _BATCH, _BATCH_BYTES)
        return [OldSecret(*row) for row in rows]

    def store(self, rotation: OpenRotation, resealed: Sequence[tuple[SealedSecret, bytes]]) -> int:
        """Put new forms in place of exactly the forms that were handed out; return how many were.

        A secret that was changed or deleted meanwhile is left as it is: the person wins.

        Raises:
            RotationTakenError: nothing was changed.
        """
        with self._turn(rotation) as connection:
            moved = sum(raw.replace_form(connection, old, new, rotation.epoch) for old, new in resealed)
            values = {"moved": rotations.c.moved + moved, "problem": None}
            connection.execute(update(rotations).where(_is(rotation)).values(values))
        self._scrub()
        return moved

    def drop(self, rotation: OpenRotation, undecryptable: Sequence[tuple[SealedSecret, str]]) -> int:
        """Delete secrets that do not open, with the failure of each, unless they were changed meanwhile.

        Raises:
            RotationTakenError: nothing was changed.
        """
        dropped = 0
        with self._turn(rotation) as connection:
            for old, failure in undecryptable:
                if raw.remove_form(connection, old):
                    dropped += 1
                    detail = {"reason": UNDECRYPTABLE, "failure": failure, "epoch": old.epoch}
                    record(connection, Event.SECRET_DELETED, SYSTEM, old.site_id, old.name, "ok", detail)
            values = {"dropped": rotations.c.dropped + dropped}
            connection.execute(update(rotations).where(_is(rotation)).values(values))
        self._scrub()
        return dropped

    def note_problem(self, rotation: OpenRotation, problem: str) -> None:
        """Say why the rotation does not go on, and give the turn back: another host may be able to go on."""
        ours = rotations.c.worker_id.is_(None) | (rotations.c.worker_id == self._worker_id)
        wanted = _is(rotation) & rotations.c.finished_ms.is_(None) & ours
        with self._db.write() as connection:
            connection.execute(update(rotations).where(wanted).values(problem=problem, worker_id=None))

    def finish(self, rotation: OpenRotation) -> None:
        """Note that the earlier seeds are destroyed.

        Raises:
            RotationTakenError: nothing was changed.
        """
        with self._turn(rotation) as connection:
            values = {"finished_ms": self._clock.now_ms(), "problem": None, "worker_id": None}
            connection.execute(update(rotations).where(_is(rotation)).values(values))
            detail = {"epoch": rotation.epoch}
            record(connection, Event.SITE_KEY_ROTATED, SYSTEM, rotation.site_id, None, "ok", detail)

    @contextmanager
    def _turn(self, rotation: OpenRotation) -> Iterator[Connection]:
        wanted = _is(rotation) & rotations.c.finished_ms.is_(None) & (rotations.c.worker_id == self._worker_id)
        with self._db.write() as connection:
            raw.lock_site(connection, rotation.site_id)
            lease = {"lease_until_ms": self._clock.now_ms() + _LEASE_MS}
            # The update also locks the row: a second worker that claims it waits for the end of this step.
            if connection.execute(update(rotations).where(wanted).values(lease)).rowcount != 1:
                raise RotationTakenError
            yield connection

    def _scrub(self) -> None:
        # Left to the next write when somebody reads: the seed that opens the old bytes is destroyed anyway.
        with suppress(ResidueRemainsError):
            self._db.scrub(0)


def _is(rotation: OpenRotation) -> ColumnElement[bool]:
    return (rotations.c.site_id == rotation.site_id) & (rotations.c.epoch == rotation.epoch)
