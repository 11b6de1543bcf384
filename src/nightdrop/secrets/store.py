"""The guarded store of secrets: sealed values go in, and nothing here gives one back to a person.

Each method takes a Caller, and checks, records and acts in one transaction. The worker's half is ``SecretUpkeep``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from nightdrop.access.guard import authorized, check, guarded
from nightdrop.access.permissions import Permission, allowed
from nightdrop.access.sites import SiteMissingError
from nightdrop.audit.events import Event
from nightdrop.audit.log import record
from nightdrop.core.caller import Caller
from nightdrop.core.ids import is_id, new_id
from nightdrop.crypto.failure import Failure
from nightdrop.crypto.sealing import SealedFormError, check_sealed_form
from nightdrop.db.errors import ResidueRemainsError
from nightdrop.db.notify import notify
from nightdrop.db.secret_names import stored_names
from nightdrop.secrets import raw
from nightdrop.secrets.listing import PREFIX, list_page
from nightdrop.secrets.model import (
    KEEP,
    MAX_REVISION_STEP,
    EpochConflictError,
    Keep,
    RevisionConflictError,
    SealedSecret,
    SealingKey,
    SecretExistsError,
    SecretInfo,
    SecretInUseError,
    SecretMissingError,
    SecretPage,
    SiteKeyNotReadyError,
    SortError,
)
from nightdrop.secrets.names import (
    SecretDescriptionError,
    SecretNameError,
    check_description,
    check_name,
    fold,
    search_text,
)
from nightdrop.secrets.upkeep import SecretUpkeep
from nightdrop.secrets.uses import SecretUse, other_uses

__all__ = [
    "EpochConflictError",
    "RevisionConflictError",
    "SealedSecret",
    "SealingKey",
    "SecretDescriptionError",
    "SecretExistsError",
    "SecretInUseError",
    "SecretInfo",
    "SecretMissingError",
    "SecretNameError",
    "SecretPage",
    "SecretStore",
    "SiteKeyNotReadyError",
    "SortError",
]


# Looks at what is there, inside the transaction that changes it, and raises what keeps it from being changed.
Precondition = Callable[[SecretInfo], None]


class SecretStore(SecretUpkeep):
    """The secrets of all sites; ``site`` is always a site's id."""

    def sealing_key(self, caller: Caller, site: str, name: str | None = None) -> SealingKey:
        """Return the key to seal the next value to, and the revision to bind it to (1 without a name).

        Raises:
            SiteMissingError, SiteKeyNotReadyError, SecretNameError, DeniedError.
        """
        if name is not None:
            check_name(name)
        check(self._db, caller, Permission.SECRETS_EDIT, site, name)
        with self._db.read() as connection:
            state = raw.find_state(connection, site, name or "")
            if state is None:
                raise SiteMissingError
            key = raw.find_key(connection, site, state.last_revision + 1)
        if key is None:
            raise SiteKeyNotReadyError
        return key

    def put(
        self,
        caller: Caller,
        site: str,
        name: str,
        sealed: bytes,
        revision: int,
        epoch: int,
        *,
        description: str | None = None,
        expires_ms: int | Keep | None = KEEP,
        create: bool | None = None,
        precondition: Precondition | None = None,
    ) -> SecretInfo:
        """Store a sealed value; one that is there is overwritten at once and for good.

        ``revision`` and ``epoch`` are the ones of ``sealing_key`` that the value is bound to. ``create=True`` refuses
        a name that is there, ``False`` one that is not, ``None`` takes both. ``description=None`` and
        ``expires_ms=KEEP`` keep what it is; an expiry of ``None`` is never. ``precondition`` is called with what is
        there, and may raise.
        Without an error the change is done; ``scrubbed`` tells whether the old bytes are gone from every file
        already, see ``SecretInfo``.

        Raises:
            SecretNameError, SecretDescriptionError, SealedFormError: the input is not valid.
            SecretExistsError, SecretMissingError: see ``create``.
            RevisionConflictError, EpochConflictError: ask for the sealing key again.
            SiteMissingError, SiteKeyNotReadyError, DeniedError.
        """
        check_name(name)
        if description is not None:
            check_description(description)
        if check_sealed_form(sealed) != epoch:
            raise SealedFormError(Failure.EPOCH)
        write = _Write(site, name, sealed, revision, epoch, description, expires_ms)
        try:
            with authorized(self._db, caller, Permission.SECRETS_EDIT, site, name) as connection:
                state = self._find_writable(connection, write)
                if precondition is not None and state.id is not None:
                    precondition(_required(connection, site, name))
                _check_wish(state, write, create=create)
                info = self._write(connection, caller, state, write)
                # A worker lets its keeper check that it can open it.
                notify(connection, "house")
                event = Event.SECRET_CREATED if state.id is None else Event.SECRET_UPDATED
                record(connection, event, caller, site, name, "ok", write.detail)
        except IntegrityError:
            # The lock of the site keeps this from happening; the unique index sees to it even if it did not.
            raise SecretExistsError(field="name") from None
        return info if state.id is None else self._scrubbed(info)

    def describe(
        self,
        caller: Caller,
        site: str,
        name: str,
        description: str | None = None,
        *,
        expires_ms: int | Keep | None = KEEP,
        precondition: Precondition | None = None,
    ) -> SecretInfo:
        """Change a description (``None`` keeps it) and an expiry; the value, its revision and its time stay.

        Raises:
            SecretMissingError, SecretDescriptionError, SecretNameError, DeniedError; what ``precondition`` raises.
        """
        check_name(name)
        if description is not None:
            check_description(description)
        detail = None if isinstance(expires_ms, Keep) else {"expires_ms": expires_ms}
        with guarded(
            self._db, caller, Permission.SECRETS_EDIT, Event.SECRET_DESCRIBED, site, name, detail
        ) as connection:
            raw.lock_site(connection, site)
            info = _required(connection, site, name)
            if precondition is not None:
                precondition(info)
            if not isinstance(expires_ms, Keep):
                raw.set_expiry(connection, info.id, expires_ms)
            said = info.description if description is None else description
            values = {"site": site, "name": name, "description": said, "search": search_text(name, said)}
            changed = raw.describe(connection, values)
            assert changed is not None
        return changed

    def delete(
        self,
        caller: Caller,
        site: str,
        name: str,
        *,
        confirmed: bool = False,
        precondition: Precondition | None = None,
    ) -> SecretInfo:
        """Delete a secret for good; returns what it was, with ``scrubbed`` as ``put`` does.

        With ``confirmed`` also where scripts use it.

        Raises:
            SecretInUseError: scripts name it, and that was not confirmed.
            SecretMissingError, SecretNameError, DeniedError; what ``precondition`` raises.
        """
        check_name(name)
        with guarded(self._db, caller, Permission.SECRETS_EDIT, Event.SECRET_DELETED, site, name) as connection:
            raw.lock_site(connection, site)
            info = _required(connection, site, name)
            if precondition is not None:
                precondition(info)
            if not confirmed and _count_uses(connection, site, [name]):
                raise SecretInUseError
            raw.remove(connection, site, info.id, info.revision)
        return self._scrubbed(info)

    def count_uses(self, caller: Caller, site: str, names: Sequence[str]) -> dict[str, int]:
        """Return for each name that is certainly used by how many scripts, settings and triggers. Tells numbers only.

        Raises:
            DeniedError.
        """
        # Who may only store gets the number too: it comes with the answer to storing.
        viewer = allowed(caller, Permission.SECRETS_VIEW, site)
        check(self._db, caller, Permission.SECRETS_VIEW if viewer else Permission.SECRETS_EDIT, site)
        with self._db.read() as connection:
            return _count_uses(connection, site, names)

    def other_uses(self, caller: Caller, site: str, name: str) -> list[SecretUse]:
        """Return what uses a secret beside scripts.

        Raises:
            DeniedError.
        """
        check(self._db, caller, Permission.SECRETS_VIEW, site)
        with self._db.read() as connection:
            return other_uses(connection, site, [name]).get(name, [])

    def get_info(self, caller: Caller, site: str, secret: str) -> SecretInfo:
        """Return what is known about a secret, by its id or its name.

        Raises:
            SecretMissingError, DeniedError.
        """
        check(self._db, caller, Permission.SECRETS_VIEW, site)
        with self._db.read() as connection:
            info = raw.find(connection, site, secret, by_id=True) if is_id(secret, PREFIX) else None
            if info is None and secret.isprintable():  # a database may choke on what no name has
                info = raw.find(connection, site, secret, by_id=False)
        if info is None:
            raise SecretMissingError
        return info

    def missing(self, caller: Caller, site: str, names: Iterable[str]) -> frozenset[str] | None:
        """Return those of the names that no secret has; ``None`` for who may not see secrets."""
        if not allowed(caller, Permission.SECRETS_VIEW, site):
            return None
        asked = frozenset(names)
        with self._db.read() as connection:
            return asked - stored_names(connection, site, asked)

    def list(
        self,
        caller: Caller,
        site: str,
        *,
        search: str | None = None,
        name: str | None = None,
        sort: str = "name",
        limit: int = 100,
        cursor: str | None = None,
    ) -> SecretPage:
        """Return a page of a site's secrets.

        ``search`` finds text in name and description without regard to case, ``name`` is exact. ``sort`` is
        ``name``, ``updated`` or ``used``, with ``-`` before it for the last one first. ``limit`` is at most 500.

        Raises:
            SortError, CursorError, DeniedError.
        """
        check(self._db, caller, Permission.SECRETS_VIEW, site)
        with self._db.read() as connection:
            if name is not None:
                found = raw.find(connection, site, name, by_id=False) if name.isprintable() else None
                return SecretPage((found,) if found else (), None)
            return list_page(connection, site, search=search, sort=sort, limit=limit, cursor=cursor)

    def _find_writable(self, connection: Connection, write: "_Write") -> raw.State:
        raw.lock_site(connection, write.site)
        state = raw.find_state(connection, write.site, write.name)
        if state is None:
            raise SiteMissingError
        if state.epoch is None:
            raise SiteKeyNotReadyError
        if state.epoch != write.epoch:
            raise EpochConflictError(field="epoch")
        return state

    def _write(self, connection: Connection, caller: Caller, state: raw.State, write: "_Write") -> SecretInfo:
        description = (state.description or "") if write.description is None else write.description
        values = {
            "id": state.id or new_id(PREFIX),
            "site": write.site,
            "name": write.name,
            "name_key": fold(write.name),
            "search": search_text(write.name, description),
            "description": description,
            "now": self._clock.now_ms(),
            "by": caller.name,
            "revision": write.revision,
            "epoch": write.epoch,
            "sealed": write.sealed,
        }
        info = raw.add(connection, values) if state.id is None else raw.overwrite(connection, values)
        if isinstance(write.expires_ms, Keep):
            return info
        raw.set_expiry(connection, info.id, write.expires_ms)
        return replace(info, expires_ms=write.expires_ms)

    def _scrubbed(self, info: SecretInfo) -> SecretInfo:
        try:
            self._db.scrub()
        except ResidueRemainsError:
            # The change is committed: an error would make the caller repeat it, and find that it cannot.
            return replace(info, scrubbed=False)
        return info


@dataclass(frozen=True, slots=True)
class _Write:
    """A checked wish to store a value."""

    site: str
    name: str
    sealed: bytes
    revision: int
    epoch: int
    description: str | None
    expires_ms: int | Keep | None

    @property
    def detail(self) -> dict[str, int | None]:
        """What the audit log says of it."""
        detail: dict[str, int | None] = {"revision": self.revision, "epoch": self.epoch}
        return detail if isinstance(self.expires_ms, Keep) else {**detail, "expires_ms": self.expires_ms}


def _required(connection: Connection, site: str, name: str) -> SecretInfo:
    info = raw.find(connection, site, name, by_id=False)
    if info is None:
        raise SecretMissingError
    return info


def _check_wish(state: raw.State, write: _Write, *, create: bool | None) -> None:
    if create is True and state.id is not None:
        raise SecretExistsError(field="name")
    if create is False and state.id is None:
        raise SecretMissingError
    if not state.last_revision < write.revision < state.last_revision + MAX_REVISION_STEP:
        raise RevisionConflictError(field="revision")


def _count_uses(connection: Connection, site: str, names: Sequence[str]) -> dict[str, int]:
    counts = dict(raw.count_uses(connection, site, names))
    for name, uses in other_uses(connection, site, names).items():
        counts[name] = counts.get(name, 0) + len(uses)
    return counts
