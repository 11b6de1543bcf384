"""The run's end of its channel to the keeper."""

import json
from collections.abc import Callable
from typing import TypeGuard

from nightdrop.core.errors import UnavailableError
from nightdrop.core.wire import Channel, ChannelClosedError, FrameTooLargeError
from nightdrop.syncjs.masking import MIN_LENGTH, Masker

MAX_NAME = 128
_WIPE_CHUNK = 64 * 1024

_WHY = {
    ord("m"): "there is no such secret in this site",
    ord("p"): "its policy does not allow this script to read it",
    ord("e"): "it has expired",
    ord("x"): "it cannot be decrypted",
    ord("r"): "an older revision was put in its place, so it is not used",
    ord("a"): "the audit log cannot be written, so no value is released",
}
# json.dumps would build an encoder for each value.
_encode = json.JSONEncoder(ensure_ascii=False).encode

_FIELD = "...FromSecret"
_CALLERS = frozenset({"GetSecret", "RequireSecret", _FIELD})
_NOT_A_NAME = "this cannot be the name of a secret"


class KeeperGoneError(UnavailableError):
    """The keeper is not there any more."""

    code = "keeper_gone"
    hint = "The run was stopped; start it again."


class SecretCalls:
    """Reads secrets for the script; every value is registered for masking before anything else happens to it."""

    def __init__(self, channel: Channel, masker: Masker, log: Callable[[str, str], None]) -> None:
        self._channel = channel
        self._masker = masker
        self._log = log
        self._told_short = False
        self.used: set[str] = set()

    def get(self, name: object, caller: object) -> str:
        """Return the JSON answer ``{"v": value}``, or ``{"v": null, "why": sentence}``."""
        # A script can say that it is a field: it still gets what GetSecret gets.
        return self._get(name, caller, b"get\0")

    def value(self, name: str) -> str:
        """Return a value for a client that the script named the secret to, ``""`` when there is none.

        The keeper also gives what may be used and not read, so it must not go to the script.
        """
        value = json.loads(self._get(name, _FIELD, b"use\0"))["v"]
        return value if isinstance(value, str) else ""

    def _get(self, name: object, caller: object, verb: bytes) -> str:
        if not _is_name(name):
            return self._refused(name, caller, _NOT_A_NAME)
        if self._holds_a_value(name) and not self.has(name):
            return self._refused(name, caller, _WHY[ord("m")])
        reply = self._ask(verb, name)
        if reply[:1] != b"v":
            return self._refused(name, caller, _why(reply))
        value = bytes(memoryview(reply)[1:])
        _wipe(reply)
        if not self._masker.add(value):
            self._tell_short()
        self.used.add(name)
        return '{"v":' + _encode(value.decode("utf-8", "replace")) + "}"

    def has(self, name: object) -> bool:
        """Tell whether the site has a secret of that name."""
        return _is_name(name) and self._ask(b"has\0", name)[:1] == b"y"

    def _holds_a_value(self, name: str) -> bool:
        # The keeper writes every name that it is asked for into its audit log, also one that no secret has. A value
        # given as a name must not end there; "has" writes nothing. A secret may well hold the name of another one.
        return bool(self.used) and name not in self.used and self._masker.mask(name) != name

    def _ask(self, verb: bytes, name: str) -> bytearray:
        try:
            self._channel.send(verb + name.encode())
            reply = self._channel.recv().payload
        except (ChannelClosedError, FrameTooLargeError, OSError):
            # Never an empty value: a script must not mistake a dead keeper for a missing secret.
            raise KeeperGoneError from None
        if not reply:
            raise KeeperGoneError
        return reply

    def _refused(self, name: object, caller: object, why: str) -> str:
        shown = json.dumps(name[: MAX_NAME + 1]) if isinstance(name, str) else "?"
        function = caller if isinstance(caller, str) and caller in _CALLERS else "GetSecret"
        self._log("warn", f"{function}({shown}): {why}")
        return json.dumps({"v": None, "why": why})

    def _tell_short(self) -> None:
        if not self._told_short:
            self._told_short = True
            shorter = f"a secret has fewer than {MIN_LENGTH} characters"
            self._log("warn", f"{shorter}: values that short are not masked in the log")


def _is_name(name: object) -> TypeGuard[str]:
    return isinstance(name, str) and 0 < len(name) <= MAX_NAME and name.isascii() and name.isprintable()


def _why(reply: bytearray) -> str:
    try:
        return _WHY[reply[0]]
    except KeyError:
        raise KeeperGoneError from None


def _wipe(buffer: bytearray) -> None:
    for start in range(0, len(buffer), _WIPE_CHUNK):
        end = min(start + _WIPE_CHUNK, len(buffer))
        buffer[start:end] = bytes(end - start)
