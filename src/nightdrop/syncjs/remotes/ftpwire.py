"""FTP's control and data connections: ftplib's commands over sockets that are dialled for us.

RFC 959 (FTP), 2228 (PBSZ, PROT), 2428 (EPSV), 4217 (TLS).
"""

import contextlib
import ftplib
import socket
import ssl
from collections.abc import Iterator
from enum import IntEnum
from typing import NoReturn

from nightdrop.syncjs.remotes.port import Dial, DialError, Limits, RemoteError, clean

# A banner is read by people; longer ones are there to keep us busy.
_MAX_REPLY_LINES = 500
_MAX_LINE = 8192


class TlsMode(IntEnum):
    """The values of the constants in the script API."""

    NONE = 0
    EXPLICIT = 1
    IMPLICIT = 2


class MissingError(RemoteError):
    """The server answers 550: there is no such thing, or we may not know."""


class UnknownCommandError(RemoteError):
    """The server does not know the command."""


class Control(ftplib.FTP):
    """One control connection; data connections are passive only."""

    encoding = "utf-8"

    def __init__(self, dial: Dial, limits: Limits) -> None:
        super().__init__(timeout=limits.answer_s)
        self._dial = dial
        self._limits = limits
        self._context: ssl.SSLContext | None = None
        self._epsv = True
        self.features: dict[str, str] = {}

    def open(self, host: str, port: int, mode: TlsMode, context: ssl.SSLContext | None) -> None:
        """Connect, and switch TLS on as ``mode`` says."""
        self.host, self._context = host, context
        sock = self._dial(host, port, self._limits.connect_s)
        sock.settimeout(self._limits.connect_s)
        self._attach(sock)
        if mode is TlsMode.IMPLICIT:
            self._secure()
        self.welcome = self.getresp()
        if mode is TlsMode.EXPLICIT:
            self.voidcmd("AUTH TLS")
            self._secure()
        if mode is not TlsMode.NONE:
            # Data connections are private too (RFC 4217, 9).
            self.voidcmd("PBSZ 0")
            self.voidcmd("PROT P")

    def sign_in(self, user: str, password: str) -> None:
        """Log in; learn what the server can do; switch to binary and UTF-8."""
        self.login(user, password)
        sock = self._sock()
        sock.settimeout(self._limits.answer_s)
        self.features = self._ask_features()
        if "UTF8" in self.features:
            with contextlib.suppress(ftplib.Error):
                self.voidcmd("OPTS UTF8 ON")
        self.voidcmd("TYPE I")

    def _ask_features(self) -> dict[str, str]:
        try:
            lines = self.sendcmd("FEAT").splitlines()[1:-1]
        except ftplib.error_perm:
            return {}
        pairs = (line.strip().partition(" ") for line in lines)
        return {name.upper(): value for name, _, value in pairs}

    def _attach(self, sock: socket.socket) -> None:
        self.sock = sock
        self.af = sock.family
        # Names that are not UTF-8 survive the way there and back.
        self.file = sock.makefile("r", encoding=self.encoding, errors="surrogateescape", newline="\n")

    def _secure(self) -> None:
        assert self._context
        assert self.file
        # What stands in the buffer came before TLS, and must not pass for an answer after it.
        self.file.close()
        self._attach(self._context.wrap_socket(self._sock(), server_hostname=self.host))

    def _sock(self) -> socket.socket:
        if self.sock is None:
            raise EOFError
        return self.sock

    def putline(self, line: str) -> None:
        if any(char in line for char in "\r\n\0"):
            raise RemoteError("command", "a path must not hold control characters")
        self._sock().sendall(line.encode(self.encoding, "surrogateescape") + b"\r\n")

    def getmultiline(self) -> str:
        first = self.getline()
        lines = [first]
        if first[3:4] == "-":
            code = first[:3]
            while True:
                line = self.getline()
                lines.append(line)
                if line[:3] == code and line[3:4] != "-":
                    break
                if len(lines) > _MAX_REPLY_LINES:
                    raise RemoteError("answer", "the server's answer does not end", lost=True)
        return "\n".join(lines)

    def open_data(self, command: str) -> socket.socket:
        """Send a command that moves data; return the connection for it."""
        port = self._passive_port()
        # Not to whatever the name means by now: a file must not go to another server than the password went to.
        data = self._dial(self.host, port, self._limits.connect_s, again=True)
        try:
            data.settimeout(self._limits.answer_s)
            self._begin(command)
            if self._context and isinstance(self.sock, ssl.SSLSocket):
                # Servers take the resumed session as proof that both connections have the same client.
                data = self._context.wrap_socket(data, server_hostname=self.host, session=self.sock.session)
        except BaseException:
            data.close()
            raise
        return data

    def _begin(self, command: str) -> None:
        reply = self.sendcmd(command)
        if reply[:1] != "1":
            raise ftplib.error_reply(reply)

    def _passive_port(self) -> int:
        """Ask where to connect to; of the answer only the port is used, the host is the one we know."""
        if self._epsv:
            try:
                return ftplib.parse229(self.sendcmd("EPSV"), (self.host, 0))[1]
            except ftplib.error_perm:
                self._epsv = False
        return ftplib.parse227(self.sendcmd("PASV"))[1]

    def lines(self, command: str, most: int) -> list[str]:
        """Return the lines that a command gives on a data connection, at most ``most``."""
        data = self.open_data(command)
        found: list[str] = []
        with data, data.makefile("rb") as file:
            while line := file.readline(_MAX_LINE):
                found.append(line.decode(self.encoding, "surrogateescape").rstrip("\r\n"))
                if len(found) > most or len(line) >= _MAX_LINE:
                    break
        if len(found) > most:
            raise RemoteError("list", f"more than {most} entries", lost=True)
        self.voidresp()
        return found


@contextlib.contextmanager
def answers(step: str) -> Iterator[None]:
    """Turn what ftplib and sockets raise into ``RemoteError``."""
    try:
        yield
    except RemoteError:
        raise
    except DialError as exc:
        raise RemoteError(step, clean(exc), lost=True) from None
    except ftplib.Error as exc:
        _refused(step, str(exc))
    except TimeoutError:
        raise RemoteError(step, "the server did not answer in time", lost=True) from None
    except ssl.SSLCertVerificationError as exc:
        raise RemoteError(step, f"the certificate is not accepted: {clean(exc.verify_message)}") from None
    except ssl.SSLError as exc:
        raise RemoteError(step, f"TLS failed ({clean(exc.reason or 'unknown')})", lost=True) from None
    except (EOFError, OSError):
        raise RemoteError(step, "the connection was lost", lost=True) from None
    except (ValueError, UnicodeError):
        raise RemoteError(step, "the server broke the FTP protocol") from None


def _refused(step: str, reply: str) -> NoReturn:
    code, text = reply[:3], clean(reply[4:]) or "the server refused"
    if code == "421":
        raise RemoteError(step, text, lost=True)
    if code == "550":
        raise MissingError(step, text)
    if code in ("500", "501", "502", "504"):
        raise UnknownCommandError(step, text)
    raise RemoteError(step, text)
