"""Mail addresses as people write them: ``me@example.com`` and ``Me <me@example.com>`` (RFC 5322, 3.4)."""

import re
from dataclasses import dataclass

_MAX_ADDRESS = 254
_MAX_LOCAL = 64
_MAX_NAME = 200
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABELS = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_LITERAL = re.compile(r"\[(?:[0-9.]{7,15}|IPv6:[0-9A-Fa-f:.]{2,45})\]")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_NAMED = re.compile(rf'(?P<name>{_QUOTED.pattern}|[^"<>]*?)\s*<(?P<address>[^<>]*)>')
# An address is everything up to a comma that stands neither in quotes nor in angle brackets.
_ENTRY = re.compile(r'(?:"(?:[^"\\]|\\.)*"|<[^<>]*>|[^",<>])+')


class AddressError(Exception):
    """This is no mail address; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class MailAddress:
    """One mailbox; ``name`` may be empty, ``address`` is ASCII."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def parse_addresses(text: str) -> list[MailAddress]:
    """Return the addresses of a text with commas between them.

    Raises:
        AddressError
    """
    if any(not char.isprintable() for char in text):
        raise AddressError("an address must not have line breaks or control characters")
    return [parse_address(entry) for entry in _entries(text)]


def parse_address(text: str) -> MailAddress:
    """Return the one address in a text.

    Raises:
        AddressError
    """
    if any(not char.isprintable() for char in text):
        raise AddressError("an address must not have line breaks or control characters")
    named = _NAMED.fullmatch(text.strip())
    name, address = (_name(named["name"]), named["address"]) if named else ("", text)
    return MailAddress(name, _checked(address.strip()))


def _entries(text: str) -> list[str]:
    rest = _ENTRY.sub("", text)
    if rest.strip(" ,"):
        raise AddressError("a quote or an angle bracket has no counterpart")
    return [entry for entry in _ENTRY.findall(text) if entry.strip()]


def _name(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    name = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if len(name) > _MAX_NAME:
        raise AddressError(f"the name before an address may have {_MAX_NAME} characters")
    return name.strip()


def _checked(address: str) -> str:
    local, at, domain = address.rpartition("@")
    shown = repr(address[:_MAX_ADDRESS])
    if not at:
        raise AddressError(f"{shown} is not a mail address")
    if not local.isascii():
        raise AddressError(f"{shown} has a letter before the @ that is not ASCII")
    ascii_domain = domain if domain.isascii() else _idna(domain)
    if not _LOCAL.fullmatch(local) or not (_LABELS.fullmatch(ascii_domain) or _LITERAL.fullmatch(ascii_domain)):
        raise AddressError(f"{shown} is not a mail address")
    if len(local) > _MAX_LOCAL or len(local) + 1 + len(ascii_domain) > _MAX_ADDRESS:
        raise AddressError(f"{shown} is too long for a mail address")
    return f"{local}@{ascii_domain}"


def _idna(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
