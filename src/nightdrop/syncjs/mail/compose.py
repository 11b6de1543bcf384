"""A message as the bytes that go to a server (RFC 5322, 2045 to 2047, 2183, 2231).

Addresses come parsed and every other text without control characters, so nothing that a script gives can begin a
header of its own.
"""

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from email import charset, encoders, policy
from email.header import Header
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.utils import formatdate, make_msgid

from nightdrop.core.mail_address import MailAddress
from nightdrop.syncjs.mail.draft import Draft

_UTF8 = charset.Charset("utf-8")
_UTF8.body_encoding = charset.QP
_WIRE = policy.compat32.clone(linesep="\r\n", max_line_length=78)
# Encoded words have at most 75 characters; what a header begins with takes some.
_WORD_LINE = 60
mimetypes.init()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along; ``name`` is what its receiver sees."""

    name: str
    content: bytes


def compose(draft: Draft, attachments: Sequence[Attachment]) -> tuple[str, bytes]:
    """Return the message's id and the whole message with CRLF."""
    message = _body(draft)
    if attachments:
        outer = MIMEMultipart("mixed", policy=_WIRE)
        outer.attach(message)
        for attachment in attachments:
            outer.attach(_part(attachment))
        message = outer
    ident = make_msgid(domain=draft.sender.domain.strip("[]").replace(":", "."))
    for name, value in _headers(draft, ident):
        message[name] = value
    return ident, message.as_bytes(policy=_WIRE)


def _headers(draft: Draft, ident: str) -> list[tuple[str, str]]:
    lists = (("To", draft.to), ("Cc", draft.cc), ("Reply-To", draft.reply_to))
    return [
        ("From", _mailbox(draft.sender)),
        *((name, ", ".join(map(_mailbox, mailboxes))) for name, mailboxes in lists if mailboxes),
        *(() if draft.to or draft.cc else (("To", "undisclosed-recipients:;"),)),
        ("Subject", encoded(draft.subject)),
        ("Date", formatdate()),
        ("Message-ID", ident),
        # Nobody's absence shall be told to a script (RFC 3834).
        ("Auto-Submitted", "auto-generated"),
    ]


def _mailbox(mailbox: MailAddress) -> str:
    if not mailbox.name:
        return mailbox.address
    name = encoded(mailbox.name)
    if name == mailbox.name:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    return f"{name} <{mailbox.address}>"


def encoded(text: str) -> str:
    """Return a header's text as it is, or as encoded words (RFC 2047) when it is not ASCII or looks like one."""
    if text.isascii() and "=?" not in text and max(map(len, text.split(" "))) <= _WORD_LINE:
        return text
    return Header(text, "utf-8", maxlinelen=_WORD_LINE).encode(linesep="\n").replace("\n", "")


def _body(draft: Draft) -> Message:
    if not draft.html:
        return _text_part(draft.text, "plain")
    if not draft.text:
        return _text_part(draft.html, "html")
    both = MIMEMultipart("alternative", policy=_WIRE)
    both.attach(_text_part(draft.text, "plain"))
    both.attach(_text_part(draft.html, "html"))
    return both


def _text_part(text: str, subtype: str) -> Message:
    part = MIMENonMultipart("text", subtype, policy=_WIRE)
    part.set_payload("\n".join(text.splitlines()) + "\n", _UTF8)
    return part


def _part(attachment: Attachment) -> Message:
    kind, coding = mimetypes.guess_type(attachment.name, strict=True)
    main, _, sub = (kind if kind and not coding else "application/octet-stream").partition("/")
    # A message or a multipart would have to be one, which nobody checks.
    part = MIMEBase(*(("application", "octet-stream") if main in ("message", "multipart") else (main, sub)))
    part.set_payload(attachment.content)
    encoders.encode_base64(part)
    if main == "text" and _is_utf8(attachment.content):
        part.set_param("charset", "utf-8")
    name = "".join(char if char.isprintable() else "_" for char in attachment.name)
    # RFC 2231 for what is not ASCII.
    part.add_header("Content-Disposition", "attachment", filename=name if name.isascii() else ("utf-8", "", name))
    return part


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
