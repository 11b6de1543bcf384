"""How many requests each address, account and token may make: token buckets in the memory of this web process."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic

from starlette.types import Scope

from nightdrop.access.throttle import address_subject
from nightdrop.core.caller import Caller
from nightdrop.core.config import Config
from nightdrop.core.errors import Kind, NightdropError

# Of the least recently seen, the count is forgotten: it is full again for whoever comes so seldom.
_MOST = 50_000
# A bucket holds the requests of so many seconds, so a page that asks for much at once is not slowed down.
_BURST_S = 10


class RateLimitedError(NightdropError):
    """Too many requests."""

    code = "rate_limited"
    kind = Kind.UNAVAILABLE

    def __init__(self, seconds: int) -> None:
        self.retry_after_s = seconds
        super().__init__(hint=f"Wait {seconds} seconds, then go on more slowly.")


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Rate:
    """At most ``per_minute`` requests of each subject over time, and ten seconds' worth at once; 0 is no limit."""

    def __init__(self, per_minute: int, now: Callable[[], float] = monotonic) -> None:
        self._per_second = per_minute / 60
        self._size = max(1.0, self._per_second * _BURST_S)
        self._now = now
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, subject: str) -> None:
        """Count a request.

        Raises:
            RateLimitedError: there were too many. This one is not counted, so waiting always ends.
        """
        if not self._per_second:
            return
        bucket, now = self._bucket(subject), self._now()
        bucket.level = min(self._size, bucket.level + (now - bucket.at) * self._per_second)
        bucket.at = now
        if bucket.level < 1:
            raise RateLimitedError(ceil((1 - bucket.level) / self._per_second))
        bucket.level -= 1

    def _bucket(self, subject: str) -> _Bucket:
        bucket = self._buckets.get(subject)
        if bucket is None:
            bucket = self._buckets[subject] = _Bucket(self._size, self._now())
            if len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(subject)
        return bucket


class Rates:
    """The limits of one listener."""

    def __init__(self, config: Config, now: Callable[[], float] = monotonic) -> None:
        self._address = Rate(config.rate_address, now)
        self._account = Rate(config.rate_account, now)
        self._token = Rate(config.rate_token, now)

    def arrived(self, scope: Scope) -> None:
        """Count a request of an address, before anything is known about it.

        Raises:
            RateLimitedError
        """
        client = scope["client"]
        self._address.take(address_subject(client[0] if client else None))

    def recognised(self, caller: Caller) -> None:
        """Count a request of an account or a token. Each token counts for itself: one must not stop the others.

        Raises:
            RateLimitedError
        """
        if caller.kind == "token" and caller.credential_id is not None:
            self._token.take(caller.credential_id)
        elif caller.admin_id is not None:
            self._account.take(caller.admin_id)


class HookRates:
    """How often each webhook may be called."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._rates: OrderedDict[tuple[str, int], Rate] = OrderedDict()

    def take(self, hook: str, per_minute: int) -> None:
        """Count a request to a webhook.

        Raises:
            RateLimitedError
        """
        # With another limit it is another count.
        key = (hook, per_minute)
        if key not in self._rates:
            self._rates[key] = Rate(per_minute, self._now)
            if len(self._rates) > _MOST:
                self._rates.popitem(last=False)
        self._rates[key].take(hook)
