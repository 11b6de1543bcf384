"""Which addresses are open by default: the table that must not shrink."""

import ipaddress

import pytest

from nightdrop.core.egress import EgressRules, HostNameError

DEFAULT = EgressRules.parse([], [])

OPEN = [
    "8.8.8.8",
    "1.1.1.1",
    "93.184.215.14",
    "9.255.255.255",
    "11.0.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.254",
    "100.100.100.201",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "168.63.129.17",
    "192.0.1.0",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
    "2001:4860:4860::8888",
    "2003::1",
    "fd12:3456:789a::1",
    "fc00::1",
    "64:ff9b::8.8.8.8",
    "64:ff9b::10.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:10.0.0.1",
    "2001:4860::5efe:8.8.8.8",
]

CLOSED = [
    "127.0.0.1",
    "127.0.0.0",
    "127.1.2.3",
    "127.255.255.255",
    "0.0.0.0",
    "0.1.2.3",
    "0.255.255.255",
    "169.254.169.254",
    "169.254.0.0",
    "169.254.255.255",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.0.8",
    "192.0.2.1",
    "198.51.100.7",
    "203.0.113.9",
    "198.18.0.1",
    "198.19.255.255",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "254.1.1.1",
    "255.255.255.255",
    "255.255.255.254",
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "::ffff:255.255.255.255",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::0.0.0.0",
    "64:ff9b::224.0.0.1",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1:ffff::1",
    "2002:7f00:1::",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "2002:808:808::1",
    "2001:0:7f00:1::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:db8::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "4000::1",
    "8000::1",
    "a000::1",
    "c000::1",
    "e000::1",
    "f000::1",
    "f800::1",
    "fe00::1",
    "fe80::1",
    "fe80::ffff:ffff:ffff:ffff",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff00::",
    "ffff::1",
    "200::1",
    "400::1",
    "800::1",
    "1000::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fe80::5efe:127.0.0.1",
    "2001:4860::5efe:127.0.0.1",
    "2001:4860::200:5efe:169.254.169.254",
    "fd00::5efe:127.0.0.1",
]


def test_table_is_large_enough():
    assert len(set(OPEN) | set(CLOSED)) == len(OPEN) + len(CLOSED) >= 60


@pytest.mark.parametrize("address", OPEN)
def test_open_by_default(address):
    assert DEFAULT.check("host.example", address, 443).allowed


@pytest.mark.parametrize("address", CLOSED)
def test_closed_by_default(address):
    verdict = DEFAULT.check("host.example", address, 443)
    assert not verdict.allowed
    assert verdict.why.startswith("it ")


@pytest.mark.parametrize("address", CLOSED)
def test_a_name_or_a_wide_network_never_opens_a_closed_address(address):
    rules = EgressRules.parse(["*", "*:443", "host.example", "*.example", "0.0.0.0/0", "::/0"], [])
    assert not rules.check("host.example", address, 443).allowed


@pytest.mark.parametrize("address", CLOSED)
def test_the_exact_address_opens(address):
    literal = f"[{address}]:443" if ":" in address else f"{address}:443"
    assert EgressRules.parse([address], []).check("host.example", address, 443).allowed
    rules = EgressRules.parse([literal], [])
    assert rules.check("host.example", address, 443).allowed
    assert not rules.check("host.example", address, 444).allowed


def test_every_address_of_closed_ipv4_blocks_is_closed_at_its_edges():
    for block in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"):
        network = ipaddress.ip_network(block)
        for address in (network[0], network[1], network[-2], network[-1]):
            assert not DEFAULT.check("h.example", address, 1).allowed
            assert not DEFAULT.check("h.example", f"::ffff:{address}", 1).allowed
            assert not DEFAULT.check("h.example", f"64:ff9b::{address}", 1).allowed
            assert not DEFAULT.check(
                "h.example", f"2002:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}::1", 1
            ).allowed


@pytest.mark.parametrize("address", ["fe80::1%eth0", "::1%1", "127.1", "0177.0.0.1", "2130706433", "0x7f000001", ""])
def test_an_address_is_only_what_the_kernel_prints(address):
    with pytest.raises(HostNameError):
        DEFAULT.check("host.example", address, 443)
