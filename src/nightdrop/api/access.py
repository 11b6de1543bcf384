"""Everything that accounts need, and the one place where password hashes are computed."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from nightdrop.access.account import AccountStore
from nightdrop.access.admins import AdminStore
from nightdrop.access.credentials import Credentials
from nightdrop.access.passkeys import PasskeyStore
from nightdrop.access.passwords import Hasher
from nightdrop.access.sessions import Limits, SessionStore
from nightdrop.access.sign_in import SignIn
from nightdrop.access.tokens import TokenStore
from nightdrop.core.clock import Clock
from nightdrop.core.config import Config
from nightdrop.core.errors import UnavailableError
from nightdrop.db.engine import Database

Result = TypeVar("Result")

_MAX_WAITING = 64
_RETRY_S = 5


class SignInBusyError(UnavailableError):
    """Too many people are signing in right now."""

    code = "sign_in_busy"
    hint = "Try again in a few seconds."
    retry_after_s = _RETRY_S


@dataclass(frozen=True, slots=True)
class Access:
    """The stores of accounts, and who may hash when."""

    credentials: Credentials
    sign_in: SignIn
    sessions: SessionStore
    account: AccountStore
    passkeys: PasskeyStore
    tokens: TokenStore
    admins: AdminStore
    # A hash takes 64 MiB and a core: as many at a time as there are cores, and their waiters take no thread of others.
    _hashing: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(os.cpu_count() or 1))

    @classmethod
    def over(cls, db: Database, clock: Clock, config: Config, hasher: Hasher | None = None) -> "Access":
        """Make the stores over an open database."""
        hasher = hasher or Hasher()
        limits = Limits(config.session_idle_minutes * 60_000, config.session_max_minutes * 60_000)
        return cls(
            credentials=Credentials(db, clock, limits),
            sign_in=SignIn(db, clock, hasher, limits),
            sessions=SessionStore(db, clock, limits),
            account=AccountStore(db, clock, hasher),
            passkeys=PasskeyStore(db, clock, hasher),
            tokens=TokenStore(db, clock),
            admins=AdminStore(db, clock),
        )

    async def hashing(self, work: Callable[[], Result]) -> Result:
        """Run something that computes a password hash, when it is its turn.

        Raises:
            SignInBusyError: too many wait already.
        """
        if self._hashing.statistics().tasks_waiting >= _MAX_WAITING:
            raise SignInBusyError
        return await run_sync(work, limiter=self._hashing)
