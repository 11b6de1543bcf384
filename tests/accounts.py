"""Accounts for tests: every store over one database, cheap hashes, and an authenticator app."""

import base64
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from nightdrop.access.account import AccountStore
from nightdrop.access.admins import AdminStore
from nightdrop.access.credentials import Credentials
from nightdrop.access.passkeys import PasskeyStore
from nightdrop.access.passwords import Cost, Hasher
from nightdrop.access.sessions import Limits, NewSession, Origin, SessionStore
from nightdrop.access.sign_in import Attempt, SignIn, SignInFailedError
from nightdrop.access.tokens import TokenStore
from nightdrop.core.caller import Caller
from nightdrop.core.clock import FakeClock
from nightdrop.db.engine import Database
from vault import OWNER

PASSWORD = "correct horse battery staple"
WRONG = "not the password at all"
CHEAP = Cost(memory_kib=8, passes=1, lanes=1)
LIMITS = Limits(idle_ms=3_600_000, max_ms=86_400_000)
HERE = Origin("192.0.2.1", "a browser")


class CountingHasher(Hasher):
    """Counts the work, so that tests need no clock."""

    def __init__(self) -> None:
        super().__init__(CHEAP)
        self.verified: list[bool] = []

    def verify(self, password, stored):
        fits = super().verify(password, stored)
        self.verified.append(stored is not None)
        return fits


@dataclass
class Accounts:
    db: Database
    clock: FakeClock
    hasher: CountingHasher = field(default_factory=CountingHasher)

    def __post_init__(self) -> None:
        self.admins = AdminStore(self.db, self.clock)
        self.sign_in = SignIn(self.db, self.clock, self.hasher, LIMITS)
        self.account = AccountStore(self.db, self.clock, self.hasher)
        self.passkeys = PasskeyStore(self.db, self.clock, self.hasher)
        self.sessions = SessionStore(self.db, self.clock, LIMITS)
        self.tokens = TokenStore(self.db, self.clock)
        self.credentials = Credentials(self.db, self.clock, LIMITS)

    def first(self, name: str = "root-admin", password: str = PASSWORD) -> NewSession:
        """Make the first super admin."""
        return self.sign_in.set_up(self.admins.first_setup_link(OWNER).token, name, password, HERE)

    def new(self, name: str, grants=None, *, is_super: bool = False, password: str = PASSWORD) -> NewSession:
        """Make an admin who has set up."""
        _, link = self.admins.create(OWNER, name, is_super=is_super, grants=grants)
        return self.sign_in.set_up(link.token, name, password, HERE)

    def enter(self, name: str, password: str = PASSWORD, *, origin=HERE, old=None, **second) -> NewSession:
        return self.sign_in.with_password(Attempt(name, password, **second), origin, old)

    def with_totp(self, caller: Caller) -> tuple[str, list[str]]:
        """Switch the second factor on; return the app's key and the recovery codes."""
        key = self.account.begin_totp(caller).secret
        codes = self.account.confirm_totp(caller, totp(key, self.clock))
        self.clock.advance(30_000)
        return key, codes


def fail(accounts: Accounts, name: str = "bob", times: int = 1, origin: Origin = HERE) -> None:
    """Try to sign in with a wrong password."""
    for _ in range(times):
        with pytest.raises(SignInFailedError):
            accounts.enter(name, WRONG, origin=origin)


def totp(key: str, clock: FakeClock, steps: int = 0) -> str:
    """Return the code that the app shows, or showed some steps ago."""
    raw = base64.b32decode(key + "=" * (-len(key) % 8))
    return TOTP(raw, 6, SHA1(), 30).generate(clock.now_ms() // 1000 + 30 * steps).decode()
