"""Rules: what parses, what matches, which one wins."""

import pytest

from nightdrop.core.egress import EgressRuleError, EgressRules, HostNameError, canonical_host

PUBLIC = "93.184.215.14"


def allowed(host, address, port=443, *, allow=(), deny=()):
    return EgressRules.parse(list(allow), list(deny)).check(host, address, port).allowed


@pytest.mark.parametrize(
    "rule",
    [
        "10.0.0.1",
        "10.0.0.0/8",
        "10.0.0.0/8:8443",
        "2001:db8::1",
        "2001:db8::/32",
        "[2001:db8::1]:22",
        "[2001:db8::/32]:22",
        "[::1]",
        "example.com",
        "Example.COM.",
        "*.example.com",
        "*.example.com:443",
        "bücher.example",
        "localhost:8080",
        "*",
        "*:25",
        " example.com ",
        "_sip._tcp.example.com",
    ],
)
def test_is_a_rule(rule):
    EgressRules.parse([rule], [rule])


@pytest.mark.parametrize(
    "rule",
    [
        "",
        " ",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "0177.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "1.2.3.4.5",
        "*.127.1",
        "example.com:0",
        "example.com:65536",
        "example.com:",
        "example.com:http",
        "example.com:+1",
        "example.com:\u0661",
        "exa mple.com",
        "user@example.com",
        "https://example.com",
        "example.com/path",
        "foo.*.com",
        "**.example.com",
        "*example.com",
        "*.",
        "*.*",
        "a..b",
        ".example.com",
        "-a.example",
        "[::1",
        "[::1]x",
        "[example.com]x:1",
        "fe80::1%eth0",
        "[fe80::1%25eth0]:22",
        "a\x00.example",
        "x" * 64 + ".example",
        ("x" * 60 + ".") * 5 + "example",
        None,
        7,
    ],
)
@pytest.mark.parametrize("field", ["egress_allow", "egress_deny"])
def test_is_not_a_rule(rule, field):
    lists = ([rule], []) if field == "egress_allow" else ([], [rule])
    with pytest.raises(EgressRuleError) as caught:
        EgressRules.parse(*lists)
    assert caught.value.field == field
    assert caught.value.hint


def test_a_string_is_not_a_list_of_rules():
    with pytest.raises(EgressRuleError):
        EgressRules.parse("*", [])


def test_rules_are_limited():
    with pytest.raises(EgressRuleError):
        EgressRules.parse(["*"] * 1001, [])


def test_deny_is_checked_first():
    assert not allowed("a.example.com", PUBLIC, allow=["a.example.com"], deny=["*.example.com"])
    assert not allowed("a.example.com", PUBLIC, allow=[PUBLIC], deny=["93.184.0.0/16"])
    assert allowed("example.com", PUBLIC, deny=["*.example.com"])
    assert allowed("notexample.com", PUBLIC, deny=["*.example.com"])


def test_allow_alone_restricts_nothing():
    assert allowed("other.example", PUBLIC, allow=["example.com", "10.0.0.0/8"])


def test_deny_all_leaves_only_what_is_allowed():
    rules = {"allow": ["example.com", "*.api.example:443", "10.0.0.0/8"], "deny": ["*"]}
    assert allowed("example.com", PUBLIC, **rules)
    assert allowed("v1.api.example", PUBLIC, 443, **rules)
    assert not allowed("v1.api.example", PUBLIC, 80, **rules)
    assert not allowed("other.example", PUBLIC, **rules)
    assert allowed("other.example", "10.1.2.3", **rules)
    assert not allowed("example.com", "127.0.0.1", **rules)
    assert not allowed("example.com", "169.254.169.254", **rules)


def test_catch_all_with_port():
    assert not allowed("mail.example", PUBLIC, 25, deny=["*:25"])
    assert allowed("mail.example", PUBLIC, 587, deny=["*:25"])
    assert allowed("mail.example", PUBLIC, 25, allow=["mail.example"], deny=["*:25"])
    assert allowed("x.example", PUBLIC, 443, allow=["*:443"], deny=["*"])
    assert not allowed("x.example", PUBLIC, 80, allow=["*:443"], deny=["*"])


def test_a_network_that_is_everything_is_no_catch_all():
    assert not allowed("example.com", PUBLIC, allow=["example.com"], deny=["0.0.0.0/0"])


def test_loopback_is_opened_by_address_network_and_the_name_localhost():
    for allow in (["127.0.0.1"], ["127.0.0.0/8"], ["127.0.0.0/8:443"], ["localhost"], ["LOCALHOST.:443"]):
        assert allowed("localhost", "127.0.0.1", allow=allow)
    assert allowed("localhost", "::1", allow=["localhost"])
    assert allowed("localhost", "::ffff:127.0.0.1", allow=["127.0.0.1"])
    assert allowed("localhost", "127.0.0.1", allow=["::ffff:127.0.0.1"])
    assert allowed("localhost", "127.0.0.1", allow=["::ffff:127.0.0.0/104"])


def test_opening_loopback_opens_nothing_else():
    assert not allowed("evil.example", "127.0.0.1", allow=["localhost"])
    assert not allowed("localhost", "169.254.169.254", allow=["localhost", "127.0.0.0/8"])
    assert not allowed("localhost", "127.0.0.1", 80, allow=["127.0.0.0/8:443"])
    assert not allowed("x", "64:ff9b::127.0.0.1", allow=["127.0.0.0/8"])
    assert not allowed("x", "::127.0.0.1", allow=["127.0.0.0/8"])
    assert not allowed("x", "64:ff9b::127.0.0.1", allow=["64:ff9b::/96"])


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "2001:0:a00:1::1",
        "2001:4860::5efe:10.0.0.1",
    ],
)
def test_deny_sees_through_wrapped_addresses(address):
    everything = [address, "0.0.0.0/0", "::/0"]
    assert not allowed("x.example", address, allow=everything, deny=["10.0.0.0/8"])
    assert not allowed("x.example", address, allow=everything, deny=["10.0.0.1"])


def test_a_name_that_may_connect_nowhere_is_not_even_resolved():
    rules = EgressRules.parse(["api.example"], ["*"])
    assert rules.check_name("api.example", 443).allowed
    assert not rules.check_name("c2VjcmV0.evil.example", 443).allowed
    assert not EgressRules.parse([], ["evil.example"]).check_name("EVIL.example.", 443).allowed
    # An allowed network can only be judged after resolving.
    assert EgressRules.parse(["10.0.0.0/8"], ["*"]).check_name("db.example", 443).allowed
    assert not EgressRules.parse([], []).check_name("127.0.0.1", 443).allowed
    assert not EgressRules.parse([], []).check_name("[::1]", 443).allowed


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("127\u30020\u30020\u30021", "127.0.0.1"),
        ("\uff11\uff12\uff17.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("::FFFF:127.0.0.1", "::ffff:7f00:1"),
        ("my_host", "my_host"),
    ],
)
def test_canonical_host(host, canonical):
    assert canonical_host(host) == canonical


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "..",
        "a..b",
        "example.com..",
        "user@127.0.0.1",
        "127.0.0.1@example.com",
        "example.com:80",
        "127.0.0.1:80",
        "exam ple",
        "a\x00b",
        "a\nb",
        "a/b",
        "a\\b",
        "a#b",
        "a?b",
        "a%00b",
        "fe80::1%eth0",
        "::1%lo",
        "[::1",
        "::1]",
        "[[::1]]",
        "x" * 64,
        "a." * 127 + "b",
        "*.example.com",
        "\u0000",
        "\udc80",
        "a\u200bb\u2044c",
    ],
)
def test_is_no_host(host):
    with pytest.raises(HostNameError):
        canonical_host(host)


@pytest.mark.parametrize("host", ["0177.0.0.1", "2130706433", "0x7f000001", "127.1", "0x7f.1", "127.0.0.1.", "0"])
def test_a_number_spelled_otherwise_is_judged_by_what_it_resolves_to(host):
    rules = EgressRules.parse(["*"], [])
    assert not rules.check(host, "127.0.0.1", 80).allowed
    assert rules.check(host, PUBLIC, 80).allowed
