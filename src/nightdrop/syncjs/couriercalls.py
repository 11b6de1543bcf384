"""The run's end of its channel to the courier, which talks to remote hosts."""

from collections.abc import Callable
from typing import Any

from nightdrop.core.errors import UnavailableError
from nightdrop.core.wire import Channel, ChannelClosedError, FrameTooLargeError
from nightdrop.syncjs.runlog import LEVELS

# A listing of 100,000 entries is far below; what is larger is no answer that a script could take.
MAX_ANSWER = 64 * 1024 * 1024


class CourierGoneError(UnavailableError):
    """The process that talks to remote hosts is gone."""

    code = "courier_gone"


class CourierCalls:
    """Asks the courier, one call at a time; writes its lines to the run's log and looks up its secrets meanwhile."""

    def __init__(
        self,
        channel: Channel,
        *,
        log: Callable[[str, str], None],
        secret: Callable[[str], str],
        pause: Callable[[Channel], None],
        mail_secret: str = "",
    ) -> None:
        """Take over the channel.

        Args:
            channel: to the courier.
            log: takes a level and a text.
            secret: returns the value of a secret, ``""`` without one.
            pause: returns when the channel can be read, and looks after everything else meanwhile.
            mail_secret: the secret that the site's mail server wants, ``""`` for none.
        """
        self._channel = channel
        self._log = log
        self._secret = secret
        self._pause = pause
        self._mail_secret = mail_secret
        # Bytes of files that the courier has moved.
        self.moved = 0

    def ask(self, request: dict[str, Any]) -> Any:
        """Return the answer, any JSON value.

        Raises:
            CourierGoneError: it is dead, or sent what is none of its messages.
        """
        wanted = _Wanted(request, self._mail_secret)
        try:
            self._channel.send_json(request)
            while True:
                self._pause(self._channel)
                for frame in self._channel.recv_ready():
                    message = frame.json()
                    if "v" in message:
                        self.moved = max(self.moved, int(message.get("moved", 0)))
                        return message["v"]
                    self._serve(message, wanted)
        except (ChannelClosedError, FrameTooLargeError, OSError, ValueError, KeyError, TypeError, RecursionError):
            raise CourierGoneError from None

    def _serve(self, message: dict[str, Any], wanted: "_Wanted") -> None:
        if "secret" in message:
            self._channel.send_json({"secret": self._value(str(message["secret"]), wanted)})
            return
        level, text = message["log"]
        if level not in LEVELS or not isinstance(text, str):
            raise ValueError
        # One message is one line: a name that a server made up must not begin a line of its own.
        self._log(level, text.replace("\r", "\\r").replace("\n", "\\n"))

    def _value(self, name: str, wanted: "_Wanted") -> str:
        if not wanted.names(name):
            self._log("error", "a client asked for a secret that no field of it names; it was refused")
            return ""
        value = self._secret(name)
        wanted.add(value)
        return value


class _Wanted:
    """The secrets that one request may need: those that it names, and those that a payload among them names.

    Mail needs the one that the site's settings name, and no other.

    A server that took over the courier gets no other secret of the site.
    """

    def __init__(self, request: dict[str, Any], mail_secret: str) -> None:
        self._texts = [mail_secret] if mail_secret and request["op"] == "mail" else []
        for part in ("fields", "options"):
            self._texts += [value for value in request.get(part, {}).values() if isinstance(value, str)]
        self._payloads: list[str] = []

    def names(self, name: str) -> bool:
        return name in self._texts or any(f'"{name}"' in payload for payload in self._payloads)

    def add(self, value: str) -> None:
        if value.lstrip().startswith("{"):
            self._payloads.append(value)
