"""A real mail server on a free port of 127.0.0.1, in a thread; it keeps what it accepts."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP as SMTP_POLICY
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "postbote@example.com", "briefträger-0815"
NONE, STARTTLS, IMPLICIT = "none", "starttls", "implicit"


@dataclass
class Accepted:
    """One message as it arrived."""

    sender: str
    recipients: list[str]
    content: bytes
    encrypted: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        parsed = BytesParser(policy=SMTP_POLICY).parsebytes(self.content)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass
class MailServer:
    """Refuses every recipient whose name begins with ``nobody`` and each message with ``refuse`` in its subject."""

    tls: str
    port: int = 0
    accepted: list[Accepted] = field(default_factory=list)

    def last(self) -> Accepted:
        return self.accepted[-1]

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any) -> AuthResult:
        known = LoginPassword(USER.encode(), PASSWORD.encode())
        # An echo of what it got, as an unfriendly server would do it.
        message = None if given == known else f"535 5.7.8 not {given.password.decode()}"
        return AuthResult(success=given == known, handled=given == known, message=message, auth_data=given)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd finds it by name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - see above
        assert isinstance(envelope.content, bytes)
        user = session.auth_data.login.decode() if session.authenticated else None
        assert server.transport
        encrypted = server.transport.get_extra_info("ssl_object") is not None
        kept = Accepted(str(envelope.mail_from), list(envelope.rcpt_tos), envelope.content, encrypted, user)
        if "refuse" in kept.message["Subject"]:
            return "554 5.7.1 this looks like spam"
        self.accepted.append(kept)
        return "250 OK"


@contextmanager
def serving(
    authority: trustme.CA, tls: str, *, auth: bool = False, mechanisms: tuple[str, ...] = (), name: str = "127.0.0.1"
) -> Iterator[MailServer]:
    """Run a server; ``name`` is whom its certificate is for, ``mechanisms`` are those of AUTH that it leaves out."""
    server = MailServer(tls)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    ready, over, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()

    def protocol() -> SMTP:
        return SMTP(
            server,
            hostname="mail.example",
            tls_context=context if tls == STARTTLS else None,
            require_starttls=tls == STARTTLS,
            auth_required=auth,
            auth_require_tls=tls == STARTTLS,
            auth_exclude_mechanism=mechanisms,
            authenticator=server.authenticate,
            data_size_limit=64 * 2**20,
            loop=loop,
        )

    async def run() -> None:
        listening = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if tls == IMPLICIT else None)
        server.port = listening.sockets[0].getsockname()[1]
        ready.set()
        await over.wait()
        listening.close()
        await listening.wait_closed()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert ready.wait(20)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
