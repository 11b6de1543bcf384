"""Typed errors: a stable code, a sentence, a hint what to do.

The class docstring's first line is the default sentence, so documentation and message cannot drift.
Only the edges (``api``, ``cli``) map an error's kind to a status or an exit code. No message ever
contains a secret value or the text of an unknown exception.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar


class Kind(StrEnum):
    """What an edge needs to know about an error."""

    INVALID = "invalid"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class NightdropError(Exception):
    """Something went wrong inside nightdrop."""

    code: ClassVar[str] = "internal"
    kind: ClassVar[Kind] = Kind.INTERNAL
    hint: str = ""
    # Seconds after which to try again, when that helps.
    retry_after_s: int | None = None

    def __init__(self, message: str | None = None, *, hint: str | None = None, field: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip().split("\n", 1)[0]
        if hint is not None:
            self.hint = hint
        self.field = field
        # What a program needs beside the sentence; fields of ``api.problems.Problem``.
        self.more: Mapping[str, Any] = {}
        super().__init__(self.message)


class InvalidError(NightdropError):
    """The input is not valid."""

    code = "invalid"
    kind = Kind.INVALID


class DeniedError(NightdropError):
    """You may not do this."""

    code = "denied"
    kind = Kind.DENIED
    hint = "Ask an administrator of the site for the permission."


class NotFoundError(NightdropError):
    """There is no such thing."""

    code = "not_found"
    kind = Kind.NOT_FOUND


class ConflictError(NightdropError):
    """Somebody else changed this first."""

    code = "conflict"
    kind = Kind.CONFLICT
    hint = "Load it again, then repeat the change."


class TooLargeError(NightdropError):
    """The input is too large."""

    code = "too_large"
    kind = Kind.TOO_LARGE


class UnavailableError(NightdropError):
    """A part that this needs is not there right now."""

    code = "unavailable"
    kind = Kind.UNAVAILABLE
