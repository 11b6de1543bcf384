"""What a script's client objects and its mail ask for, checked before it goes to the courier."""

from collections.abc import Callable, Mapping
from typing import Any

from nightdrop.syncjs.couriercalls import CourierCalls
from nightdrop.syncjs.remotes.configure import configure
from nightdrop.syncjs.remotes.fields import CLIENTS
from nightdrop.syncjs.remotes.port import RemoteError

_KINDS: Mapping[str, str] = {client.name: client.kind for client in CLIENTS.values()}


class NoCallError(Exception):
    """The prelude asks for nothing like this."""


class RemoteCalls:
    """Serves the client objects and the mail of one run; ``courier`` is asked for when the script first needs one."""

    def __init__(self, courier: Callable[[], CourierCalls], log: Callable[[str, str], None]) -> None:
        self._make_courier = courier
        self._log = log
        self._courier: CourierCalls | None = None

    @property
    def moved(self) -> int:
        """How many bytes of files have been moved."""
        return self._courier.moved if self._courier else 0

    def connect(self, client: object, name: object, fields: object, options: object) -> Any:
        """Connect a client object.

        Raises:
            NoCallError: no script can make the prelude ask for this.
            CourierGoneError
        """
        kind, fields, options = _kind(name), _values(fields), _values(options)
        return self._ask(
            {"op": "connect", "client": _number(client), "kind": kind, "fields": fields, "options": options}
        )

    def configure(self, name: object, url: object, payload: object) -> dict[str, Any] | None:
        """Return the fields and options that an address and a payload set; ``None``, and a line, when they cannot.

        Raises:
            NoCallError: see ``connect``.
        """
        client = CLIENTS[_kind(name)]
        if not isinstance(url, str) or not isinstance(payload, str | None):
            self._log("error", f"{client.name}.Configure: the URL and the payload must be text")
            return None
        try:
            found = configure(client, url, payload or "")
        except RemoteError as error:
            self._log("error", f"{client.name}.Configure: {error.reason}")
            return None
        for warning in found.warnings:
            self._log("warn", f"{client.name}: {warning}")
        return {"fields": found.fields, "options": found.options}

    def call(self, client: object, method: object, arguments: object, options: object) -> Any:
        """Call a method of a client object.

        Raises:
            NoCallError, CourierGoneError: see ``connect``.
        """
        if not isinstance(method, str) or not isinstance(arguments, list):
            raise NoCallError
        request = {"op": "call", "client": _number(client), "method": method, "args": arguments}
        return self._ask({**request, "options": _values(options)})

    def mail(self, message: object) -> Any:
        """Send a mail.

        Raises:
            NoCallError, CourierGoneError: see ``connect``.
        """
        return self._ask({"op": "mail", "message": _values(message)})

    def _ask(self, request: dict[str, Any]) -> Any:
        if self._courier is None:
            self._courier = self._make_courier()
        return self._courier.ask(request)


def _number(client: object) -> int:
    if isinstance(client, bool) or not isinstance(client, int):
        raise NoCallError
    return client


def _kind(name: object) -> str:
    if not isinstance(name, str) or name not in _KINDS:
        raise NoCallError
    return _KINDS[name]


def _values(given: object) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise NoCallError
    return given
