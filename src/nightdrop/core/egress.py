"""Egress rules: which hosts and addresses the scripts of a site may connect to.

The address a connection really goes to is what counts, so ``check`` takes the resolved address. Python's
``ipaddress.is_global`` is not used: it calls NAT64 and 6to4 forms of 127.0.0.1 and multicast global.
Sources: the IANA special-purpose address registries (RFC 6890), RFC 6052, 8215, 3056, 4380 and 5214.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

from nightdrop.core.errors import InvalidError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAX_RULES = 1000
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")


class EgressRuleError(InvalidError):
    """This is not an egress rule."""

    code = "egress_rule_invalid"
    hint = "Write an address, a network such as 10.0.0.0/8, a host name, *.example.com or *; each may end in :PORT."


class HostNameError(InvalidError):
    """This is not a host name or an address."""

    code = "host_invalid"


class Verdict(NamedTuple):
    """Whether a connection is allowed, and the reason as the end of a sentence."""

    allowed: bool
    why: str


class _Closed(NamedTuple):
    """Why an address is closed by default, and the block that a rule must lie in to open it."""

    why: str
    block: Network


_LOOPBACK = "it is a loopback address"
_LINK_LOCAL = "it is a link-local address, where cloud metadata services live"
_METADATA = "it is a cloud metadata address"
_MULTICAST = "it is a multicast address"
_RESERVED = "it is a reserved address"
_WRAPPED = "it is an IPv6 address that wraps an IPv4 address"

# First match wins. Shared address space (100.64.0.0/10) and unique local addresses (fc00::/7) count as private,
# which is open: reaching hosts of one's own network is what file transfers are for.
_CLOSED_V4 = [
    (IPv4Network(net), why)
    for net, why in (
        ("0.0.0.0/8", "it is the unspecified address"),
        ("127.0.0.0/8", _LOOPBACK),
        ("169.254.0.0/16", _LINK_LOCAL),
        ("100.100.100.200/32", _METADATA),
        ("168.63.129.16/32", _METADATA),
        ("192.0.0.0/24", _RESERVED),
        ("192.0.2.0/24", _RESERVED),
        ("192.88.99.0/24", _RESERVED),
        ("198.18.0.0/15", _RESERVED),
        ("198.51.100.0/24", _RESERVED),
        ("203.0.113.0/24", _RESERVED),
        ("224.0.0.0/4", _MULTICAST),
        ("255.255.255.255/32", "it is the broadcast address"),
        ("240.0.0.0/4", _RESERVED),
    )
]
_NAT64 = IPv6Network("64:ff9b::/96")
_CLOSED_V6 = [
    (IPv6Network(net), why)
    for net, why in (
        ("::/128", "it is the unspecified address"),
        ("::1/128", _LOOPBACK),
        ("::/96", _WRAPPED),
        ("::ffff:0:0:0/96", _WRAPPED),
        ("64:ff9b:1::/48", _WRAPPED),
        ("2001::/32", _WRAPPED),
        ("2002::/16", _WRAPPED),
        ("fe80::/10", _LINK_LOCAL),
        ("fec0::/10", _RESERVED),
        ("ff00::/8", _MULTICAST),
        ("fd00:ec2::254/128", _METADATA),
        ("fd20:ce::254/128", _METADATA),
        ("fd00:c1::a9fe:a9fe/128", _METADATA),
        ("2001::/23", _RESERVED),
        ("2001:db8::/32", _RESERVED),
        ("3fff::/20", _RESERVED),
        # What IANA has not handed out: everything but 2000::/3 and fc00::/7.
        ("::/8", _RESERVED),
        ("100::/8", _RESERVED),
        ("200::/7", _RESERVED),
        ("400::/6", _RESERVED),
        ("800::/5", _RESERVED),
        ("1000::/4", _RESERVED),
        ("4000::/2", _RESERVED),
        ("8000::/2", _RESERVED),
        ("c000::/3", _RESERVED),
        ("e000::/4", _RESERVED),
        ("f000::/5", _RESERVED),
        ("f800::/6", _RESERVED),
        ("fe00::/9", _RESERVED),
    )
]


@dataclass(frozen=True, slots=True)
class _Rule:
    text: str
    network: Network | None = None
    name: str = ""
    port: int | None = None

    @property
    def catch_all(self) -> bool:
        return self.name == "*"

    def matches_name(self, host: str) -> bool:
        if self.name.startswith("*."):
            return host.endswith(self.name[1:]) and len(host) >= len(self.name)
        return self.name in ("*", host)

    def matches(self, host: str, addresses: Sequence[Address], port: int) -> bool:
        if self.port not in (None, port):
            return False
        if self.network is not None:
            return any(address in self.network for address in addresses)
        return self.matches_name(host)

    def opens(self, block: Network) -> bool:
        """Tell whether this rule, which matches, may open the closed ``block``.

        A host name does not: whoever runs its DNS could point it at this machine. A network wider than the
        block (0.0.0.0/0) does not either: it was not written with the block in mind.
        """
        if self.network is not None:
            return _within(self.network, block)
        return self.name == "localhost" and block in (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


@dataclass(frozen=True, slots=True)
class EgressRules:
    """The rules of one site.

    They are checked in this order:

    1. A ``deny`` rule that matches refuses, except the catch-all ``*``.
    2. Addresses that are closed by default (loopback, link-local and cloud metadata, multicast, unspecified,
       broadcast, reserved, IPv6 forms that wrap such an IPv4 address) are refused, unless an ``allow`` rule
       opens them. Only an address or a network that lies inside the closed block opens, e.g. ``127.0.0.1`` or
       ``127.0.0.0/8:8443``, and the name ``localhost``, for loopback addresses alone.
    3. With ``*`` in ``deny``, what no ``allow`` rule matches is refused.
    4. Everything else, public and private, is allowed. An ``allow`` list without ``deny = ["*"]`` restricts nothing.

    A rule is an IP address, a network (CIDR), a host name, ``*.example.com`` (names below it, not itself) or
    ``*``, each with an optional ``:port``; with a port, IPv6 stands in brackets: ``[2001:db8::/32]:22``.
    ``deny`` networks also match the IPv4 address that an IPv6 address wraps; ``allow`` networks do not.
    A name rule judges the name a script wrote: who denies a host by name alone has not denied its address.
    """

    allow: tuple[_Rule, ...] = ()
    deny: tuple[_Rule, ...] = ()

    @classmethod
    def parse(cls, allow: Sequence[str], deny: Sequence[str]) -> "EgressRules":
        """Return the rules of a site's settings ``egress_allow`` and ``egress_deny``.

        Raises:
            EgressRuleError: one of them is not a rule; ``field`` names the setting.
        """
        return cls(_parse_list(allow, "egress_allow"), _parse_list(deny, "egress_deny"))

    def check_name(self, host: str, port: int) -> Verdict:
        """Judge what can be judged before ``host`` is resolved.

        Without this a script that may connect nowhere could still carry data out in the names it asks the DNS for.
        """
        host = canonical_host(host)
        literal = _literal(host)
        if literal is not None:
            return self.check(host, literal, port)
        for rule in self.deny:
            if rule.network is None and not rule.catch_all and rule.matches(host, (), port):
                return Verdict(False, f"the rule {rule.text} denies it")
        if (denied := self._catch_all(port)) and not any(
            rule.network is not None or rule.matches(host, (), port) for rule in self.allow
        ):
            return Verdict(False, f"the rule {denied.text} denies it and no rule allows it")
        return Verdict(True, "its name is allowed")

    def check(self, host: str, address: Address | str, port: int) -> Verdict:
        """Judge a connection to ``address``, to which ``host`` (as the script wrote it) resolved.

        Raises:
            HostNameError: ``host`` or ``address`` is not one.
        """
        host = canonical_host(host)
        actual = _canonical(_parse_address(address))
        forms = [actual, *_wrapped(actual)]
        for rule in self.deny:
            if not rule.catch_all and rule.matches(host, forms, port):
                return Verdict(False, f"the rule {rule.text} denies it")
        allowing = [rule for rule in self.allow if rule.matches(host, [actual], port)]
        closed = _closed(actual)
        if closed is not None and not any(rule.opens(closed.block) for rule in allowing):
            return Verdict(False, closed.why)
        if allowing:
            return Verdict(True, f"the rule {allowing[0].text} allows it")
        if (denied := self._catch_all(port)) is not None:
            return Verdict(False, f"the rule {denied.text} denies it and no rule allows it")
        return Verdict(True, "nothing denies it")

    def _catch_all(self, port: int) -> _Rule | None:
        return next((rule for rule in self.deny if rule.catch_all and rule.port in (None, port)), None)


def canonical_host(host: str) -> str:
    """Return ``host`` in lower-case ASCII, without trailing dot or brackets (RFC 5890, RFC 1123).

    Raises:
        HostNameError: not a host name or address: user names, zones, blanks, ports and control characters
            are refused, not cut off.
    """
    text = host.removeprefix("[").removesuffix("]") if host.startswith("[") and host.endswith("]") else host
    if ":" in text:
        return str(_parse_address(text))
    text = _to_ascii(text).lower().removesuffix(".")
    if not 1 <= len(text) <= 253 or not all(_LABEL.fullmatch(label) for label in text.split(".")):
        raise HostNameError
    return text


def _to_ascii(text: str) -> str:
    if text.isascii():
        return text
    # Big tables, needed for few names.
    import idna

    try:
        return idna.encode(text, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise HostNameError from None


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _parse_address(address: Address | str) -> Address:
    if not isinstance(address, str):
        return address
    # A zone (fe80::1%eth0) only has a meaning for link-local addresses, which are closed.
    if "%" in address or (parsed := _literal(address)) is None:
        raise HostNameError
    return parsed


def _canonical(address: Address) -> Address:
    """Return ``address`` as the kernel sees it: a connection to ::ffff:a.b.c.d is one to a.b.c.d."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _wrapped(address: Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that an IPv6 address may lead to by translation or tunnel."""
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    low = IPv4Address(number & 0xFFFFFFFF)
    if number >> 32 in (0, int(_NAT64.network_address) >> 32, 0xFFFF0000):
        yield low
    if number >> 80 == 0x0064FF9B0001:
        yield low
    if number >> 112 == 0x2002:
        yield IPv4Address(number >> 80 & 0xFFFFFFFF)
    if number >> 96 == 0x20010000:
        yield from (IPv4Address(number >> 64 & 0xFFFFFFFF), IPv4Address(~number & 0xFFFFFFFF))
    if number >> 32 & 0xFDFFFFFF == 0x5EFE:
        yield low


def _closed(address: Address) -> _Closed | None:
    """Return why ``address`` is closed by default, or ``None``."""
    if isinstance(address, IPv4Address):
        return next((_Closed(why, net) for net, why in _CLOSED_V4 if address in net), None)
    for wrapped in _wrapped(address):
        if address in _NAT64 or int(address) >> 32 & 0xFDFFFFFF == 0x5EFE:
            inner = _closed(wrapped)
            if inner is not None:
                return _Closed(f"it wraps an IPv4 address and {inner.why}", IPv6Network(address))
    if address in _NAT64:
        return None
    return next((_Closed(why, net) for net, why in _CLOSED_V6 if address in net), None)


def _within(network: Network, block: Network) -> bool:
    if isinstance(network, IPv4Network) and isinstance(block, IPv4Network):
        return network.subnet_of(block)
    if isinstance(network, IPv6Network) and isinstance(block, IPv6Network):
        return network.subnet_of(block)
    return False


def _parse_list(rules: Sequence[str], field: str) -> tuple[_Rule, ...]:
    if isinstance(rules, str) or len(rules) > _MAX_RULES:
        raise EgressRuleError(f"{field} must be a list of at most {_MAX_RULES} rules.", field=field)
    return tuple(_parse_rule(rule, field) for rule in rules)


def _parse_rule(text: str, field: str) -> _Rule:
    try:
        target, port = _split_port(text.strip())
        if target == "*":
            return _Rule(text.strip(), name="*", port=port)
        if (network := _parse_network(target)) is not None:
            return _Rule(text.strip(), network=network, port=port)
        return _Rule(text.strip(), name=_parse_name(target), port=port)
    except (ValueError, TypeError, AttributeError, HostNameError):
        raise EgressRuleError(f"{text!r:.100} is not an egress rule.", field=field) from None


def _parse_name(text: str) -> str:
    prefix = "*." if text.startswith("*.") else ""
    name = canonical_host(text.removeprefix(prefix))
    # 0177.0.0.1, 127.1 and 2130706433 are addresses to a resolver: as names they would never match.
    if _NUMERIC_LABEL.fullmatch(name.rsplit(".", 1)[-1]):
        raise HostNameError
    return prefix + name


def _split_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        target, closing, rest = text[1:].partition("]")
        if not closing or (rest and not rest.startswith(":")):
            raise ValueError
        return target, _parse_port(rest[1:]) if rest else None
    if text.count(":") == 1:
        target, _, port = text.partition(":")
        return target, _parse_port(port)
    return text, None


def _parse_port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise ValueError
    return int(text)


def _parse_network(text: str) -> Network | None:
    if "%" in text:
        raise ValueError
    if "/" not in text and _literal(text) is None:
        return None
    network = ipaddress.ip_network(text)
    mapped = IPv6Network("::ffff:0:0/96")
    if isinstance(network, IPv6Network) and network.subnet_of(mapped):
        low = IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        return IPv4Network((low, network.prefixlen - 96))
    return network
