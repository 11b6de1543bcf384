"""The usage policy that is sealed together with a value.

Encoded as JSON in one canonical form: keys in alphabetical order, no white space, only fields that differ
from the default, lists sorted and without repeats. A decoder accepts that form and no other, so one policy
has one encoding; a field it does not know is a restriction it could not keep, so it refuses.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from nightdrop.core.errors import InvalidError

POLICY_VERSION = 1
MAX_POLICY_BYTES = 16 * 1024
# Numbers above this are not exact in JavaScript.
_MAX_MS = 2**53 - 1
# No quote and no backslash: every JSON writer writes these characters the same way.
_TOKEN = re.compile(r"[!#-\[\]-~]{1,320}")
_FIELDS = frozenset({"v", "mode", "hosts", "scripts", "expires_ms"})

Mode = Literal["read", "use"]


class PolicyInvalidError(InvalidError):
    """The usage policy of this secret is not valid."""

    code = "policy_invalid"
    hint = "mode is read or use; hosts and scripts are lists of printable ASCII; expires_ms is a time in the future."


@dataclass(frozen=True, slots=True)
class Policy:
    """How a secret may be used.

    ``mode``: ``read`` gives the value to the script, ``use`` only lets the gateway place it.
    ``hosts``: where it may go; empty means wherever the site may go. Lower case.
    ``scripts``: ids of scripts that may have it; empty means any script of the site.
    ``expires_ms``: when it stops working, in milliseconds since the epoch; ``None`` means never.
    """

    DEFAULT: ClassVar["Policy"]

    mode: Mode = "read"
    hosts: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    expires_ms: int | None = None

    def __post_init__(self) -> None:
        if self.mode not in ("read", "use"):
            raise PolicyInvalidError(field="mode")
        object.__setattr__(self, "hosts", _tokens(self.hosts, "hosts", lower=True))
        object.__setattr__(self, "scripts", _tokens(self.scripts, "scripts"))
        expires = self.expires_ms
        if expires is not None and (type(expires) is not int or not 0 < expires <= _MAX_MS):
            raise PolicyInvalidError(field="expires_ms")

    def encode(self) -> bytes:
        """Return the canonical encoding.

        Raises:
            PolicyInvalidError: it is longer than 16 KiB.
        """
        fields: dict[str, Any] = {"v": POLICY_VERSION}
        if self.mode != "read":
            fields["mode"] = self.mode
        if self.hosts:
            fields["hosts"] = self.hosts
        if self.scripts:
            fields["scripts"] = self.scripts
        if self.expires_ms is not None:
            fields["expires_ms"] = self.expires_ms
        data = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")
        if len(data) > MAX_POLICY_BYTES:
            raise PolicyInvalidError("The usage policy is longer than 16 KiB.")
        return data

    @classmethod
    def decode(cls, data: bytes) -> "Policy":
        """Return the policy from its canonical encoding.

        Raises:
            PolicyInvalidError: another version, an unknown field, a wrong type, or not the canonical form.
        """
        if data == _DEFAULT_BYTES:
            return cls.DEFAULT
        policy = cls(**_read(data))
        if policy.encode() != data:
            raise PolicyInvalidError
        return policy

    def but(self, **changes: Any) -> "Policy":
        """Return a copy with some fields changed."""
        return replace(self, **changes)


def _read(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_POLICY_BYTES:
        raise PolicyInvalidError
    try:
        fields = json.loads(data.decode("ascii"))
    except (ValueError, RecursionError):
        raise PolicyInvalidError from None
    if not isinstance(fields, dict) or not fields.keys() <= _FIELDS or fields.pop("v", None) != POLICY_VERSION:
        raise PolicyInvalidError
    return fields


def _tokens(values: Any, field: str, *, lower: bool = False) -> tuple[str, ...]:
    if not isinstance(values, (tuple, list)):
        raise PolicyInvalidError(field=field)
    for value in values:
        if not isinstance(value, str) or not _TOKEN.fullmatch(value):
            raise PolicyInvalidError(field=field)
    return tuple(sorted({value.lower() if lower else value for value in values}))


Policy.DEFAULT = Policy()
_DEFAULT_BYTES = Policy.DEFAULT.encode()
