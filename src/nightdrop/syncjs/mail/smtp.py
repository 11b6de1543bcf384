"""Handing a message to a server: smtplib's commands over a socket that is dialled for us (RFC 5321, 3207, 4954)."""

import base64
import contextlib
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from nightdrop.syncjs.mail.draft import MailError, MailSettings
from nightdrop.syncjs.remotes.port import Dial, DialError, clean

_MAX_LINE = 8192
_MAX_REPLY_LINES = 500
_PIECE_BYTES = 64 * 1024
_READY, _GO_ON, _SIGNED_IN = 220, 334, 235
# Tells nothing of this host, and is what RFC 5321 (4.1.3) wants of one without a name.
_OUR_NAME = "[127.0.0.1]"


@dataclass(frozen=True, slots=True)
class MailLimits:
    """How long to wait, in seconds: to connect, for an answer, and for the one that accepts the message."""

    connect_s: float = 30.0
    answer_s: float = 60.0
    accept_s: float = 300.0


class _BrokenError(Exception):
    """The server does not speak SMTP; the text is one of our own clauses."""


class Smtp(smtplib.SMTP):
    """One connection to a mail server."""

    def __init__(
        self, settings: MailSettings, dial: Dial, context: Callable[[], ssl.SSLContext], limits: MailLimits
    ) -> None:
        super().__init__(local_hostname=_OUR_NAME)
        self._settings, self._dial, self._context, self._limits = settings, dial, context, limits
        self._received = b""
        self._wait_s = limits.answer_s

    def open(self, password: str) -> None:
        """Connect, encrypt, sign in; all as the settings say, or not at all.

        Raises:
            MailError
        """
        settings = self._settings
        with _explained("connect"):
            code, reply = self.connect(settings.host, settings.usual_port)
            if code != _READY:
                raise smtplib.SMTPResponseException(code, reply)
            self.ehlo_or_helo_if_needed()
        if settings.tls == "starttls":
            self._start_tls()
        if settings.user:
            with _explained("sign in"):
                self._sign_in(settings.user, password)

    def _start_tls(self) -> None:
        if not self.has_extn("starttls"):
            raise MailError("connect: the server offers no STARTTLS, and nothing is sent without TLS")
        with _explained("connect"):
            code, reply = self.docmd("STARTTLS")
            if code != _READY:
                raise smtplib.SMTPResponseException(code, reply)
            if self._received:
                # What came before TLS must not pass for an answer after it.
                raise MailError("connect: the server sent something between STARTTLS and TLS")
            self.sock = self._wrapped(self._plain())
            self.ehlo_resp = self.helo_resp = None
            self.esmtp_features = {}
            self.does_esmtp = False
            self.ehlo_or_helo_if_needed()

    def deliver(self, sender: str, recipients: list[str], message: bytes) -> dict[str, str]:
        """Send a message; return who was refused, and why, when others were not.

        Raises:
            MailError: nobody gets it.
        """
        with _explained("send"):
            try:
                refused = self.sendmail(sender, recipients, message)
            except smtplib.SMTPRecipientsRefused as exc:
                refused = exc.recipients
                reasons = "; ".join(f"{who}: {_reply(*said)}" for who, said in list(refused.items())[:5])
                raise MailError(f"send: every recipient was refused: {reasons}") from None
        return {who: _reply(*said) for who, said in refused.items()}

    def end(self) -> None:
        """Close; never raises."""
        self._wait_s = min(self._wait_s, 5.0)
        with contextlib.suppress(OSError, _BrokenError):
            self.docmd("QUIT")
        self.close()

    def _sign_in(self, user: str, password: str) -> None:
        """AUTH with PLAIN (RFC 4616) or LOGIN; smtplib's own takes ASCII only."""
        offered = self.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            code, reply = self.docmd("AUTH", "PLAIN " + _base64(f"\0{user}\0{password}"))
        elif "LOGIN" in offered:
            code, reply = self.docmd("AUTH", "LOGIN")
            for text in (user, password):
                if code == _GO_ON:
                    code, reply = self.docmd(_base64(text))
        else:
            raise MailError("sign in: the server offers neither AUTH PLAIN nor AUTH LOGIN")
        if code != _SIGNED_IN:
            raise smtplib.SMTPResponseException(code, reply)

    # What smtplib calls.

    def _get_socket(self, host: str, port: int, timeout: float | None) -> socket.socket:  # noqa: ARG002 - ours is in the limits
        sock = self._dial(host, port, self._limits.connect_s)
        sock.settimeout(self._limits.connect_s)
        return self._wrapped(sock) if self._settings.tls == "implicit" else sock

    def data(self, msg: Any) -> tuple[int, bytes]:
        # Scanning a large message takes its time (RFC 5321, 4.5.3.2.6).
        self._wait_s = self._limits.accept_s
        try:
            return super().data(msg)
        finally:
            self._wait_s = self._limits.answer_s

    def send(self, s: Any) -> None:
        content = memoryview(s.encode(self.command_encoding) if isinstance(s, str) else s)
        sock = self._plain()
        for start in range(0, len(content), _PIECE_BYTES):
            sock.settimeout(self._limits.answer_s)
            sock.sendall(content[start : start + _PIECE_BYTES])

    def getreply(self) -> tuple[int, bytes]:
        until = time.monotonic() + self._wait_s
        lines: list[bytes] = []
        while len(lines) <= _MAX_REPLY_LINES:
            line = self._line(until)
            lines.append(line[4:].strip())
            if not line[:3].isdigit():
                raise _BrokenError("the server broke the SMTP protocol")
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        raise _BrokenError("the server's answer does not end")

    def _line(self, until: float) -> bytes:
        while b"\n" not in self._received:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if len(self._received) > _MAX_LINE:
                raise _BrokenError("the server's answer does not end")
            sock = self._plain()
            sock.settimeout(left)
            if not (data := sock.recv(_MAX_LINE)):
                raise smtplib.SMTPServerDisconnected
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _wrapped(self, sock: socket.socket) -> socket.socket:
        try:
            sock.settimeout(self._limits.connect_s)
            return self._context().wrap_socket(sock, server_hostname=self._settings.host)
        except BaseException:
            sock.close()
            raise

    def _plain(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected
        return self.sock


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _reply(code: int, text: bytes | str) -> str:
    shown = clean(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
    return f"{code} {shown}".strip()


@contextlib.contextmanager
def _explained(step: str) -> Iterator[None]:
    """Turn what smtplib and sockets raise into ``MailError``."""
    try:
        yield
    except (DialError, _BrokenError) as exc:
        raise MailError(f"{step}: {clean(exc)}") from None
    except TimeoutError:
        raise MailError(f"{step}: the server did not answer in time") from None
    except ssl.SSLCertVerificationError as exc:
        raise MailError(f"{step}: the certificate is not accepted: {clean(exc.verify_message)}") from None
    except ssl.SSLError as exc:
        raise MailError(f"{step}: TLS failed ({clean(exc.reason or 'unknown')})") from None
    except smtplib.SMTPServerDisconnected:
        raise MailError(f"{step}: the server closed the connection") from None
    except smtplib.SMTPResponseException as exc:
        raise MailError(f"{step}: the server refused: {_reply(exc.smtp_code, exc.smtp_error)}") from None
    except smtplib.SMTPException:
        raise MailError(f"{step}: the server cannot do what this message needs") from None
    except OSError:
        raise MailError(f"{step}: the connection was lost") from None
