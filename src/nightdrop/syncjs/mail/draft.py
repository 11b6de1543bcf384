"""What a script wants to send, checked; and what its site says about sending."""

from collections.abc import Mapping
from dataclasses import dataclass

from nightdrop.core.mail_address import AddressError, MailAddress, parse_address, parse_addresses

MAX_RECIPIENTS = 100
MAX_SUBJECT = 900
MAX_TEXT = 5 * 1024 * 1024


class MailError(Exception):
    """A mail cannot be sent; the text is one of our own sentences, or a server's that was made harmless."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """A site's ``smtp_...`` settings, under the same names."""

    host: str = ""
    port: int = 0
    tls: str = "starttls"
    user: str = ""
    password_secret: str = ""
    sender: str = ""

    @property
    def usual_port(self) -> int:
        return self.port or {"implicit": 465, "none": 25}.get(self.tls, 587)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message without its attachments; ``masks`` and ``paths`` name those."""

    sender: MailAddress
    to: list[MailAddress]
    cc: list[MailAddress]
    bcc: list[MailAddress]
    reply_to: list[MailAddress]
    subject: str
    text: str
    html: str
    masks: list[str]
    paths: list[str]

    @property
    def recipients(self) -> list[str]:
        """Every address once."""
        return list(dict.fromkeys(each.address for each in (*self.to, *self.cc, *self.bcc)))


def read_draft(message: Mapping[str, object], default_sender: str) -> Draft:
    """Check what a script gave.

    Raises:
        MailError: it cannot be sent like this.
    """
    draft = Draft(
        sender=_sender(_text(message, "From") or default_sender),
        to=_addresses(message, "To"),
        cc=_addresses(message, "Cc"),
        bcc=_addresses(message, "Bcc"),
        reply_to=_addresses(message, "ReplyTo"),
        subject=_subject(_text(message, "Subject")),
        text=_text(message, "Text"),
        html=_text(message, "HTML"),
        masks=[mask.strip() for mask in _text(message, "Masks").split(",") if mask.strip()],
        paths=_paths(message.get("Paths", [])),
    )
    if not draft.recipients:
        raise MailError("nobody to send it to: To, Cc and Bcc are empty")
    if len(draft.recipients) > MAX_RECIPIENTS:
        raise MailError(f"a message may have {MAX_RECIPIENTS} recipients")
    return draft


def _text(message: Mapping[str, object], name: str) -> str:
    value = message.get(name, "")
    if not isinstance(value, str | int | float):
        raise MailError(f"{name} must be a text")
    # A lone surrogate, which a script's text may hold, has no form in any mail.
    text = str(value).encode("utf-8", "replace").decode()
    if len(text) > MAX_TEXT:
        raise MailError(f"{name} is larger than {MAX_TEXT // 2**20} MiB")
    return text


def _sender(text: str) -> MailAddress:
    if not text.strip():
        raise MailError("From is empty, and the site has no smtp_from")
    try:
        return parse_address(text)
    except AddressError as exc:
        raise MailError(f"From: {exc}") from None


def _addresses(message: Mapping[str, object], name: str) -> list[MailAddress]:
    try:
        return parse_addresses(_text(message, name))
    except AddressError as exc:
        raise MailError(f"{name}: {exc}") from None


def _subject(text: str) -> str:
    if any(not char.isprintable() for char in text):
        raise MailError("Subject must not have line breaks or control characters")
    if len(text) > MAX_SUBJECT:
        raise MailError(f"Subject may have {MAX_SUBJECT} characters")
    return text


def _paths(given: object) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(path, str) and path for path in given):
        raise MailError("AddAttachment: the path of a file must be a text")
    return list(given)
