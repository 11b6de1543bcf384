import pytest

from nightdrop.core.mail_address import AddressError, MailAddress, parse_address, parse_addresses


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("me@example.com", "", "me@example.com"),
        (" me+tag@sub.example.com ", "", "me+tag@sub.example.com"),
        ("<me@example.com>", "", "me@example.com"),
        ("Me Myself <me@example.com>", "Me Myself", "me@example.com"),
        ('"Self, Me" <me@example.com>', "Self, Me", "me@example.com"),
        ('"a \\"b\\" <c>" <me@example.com>', 'a "b" <c>', "me@example.com"),
        ("Jürgen <me@bücher.example>", "Jürgen", "me@xn--bcher-kva.example"),
        ("root@localhost", "", "root@localhost"),
        ("me@[192.0.2.1]", "", "me@[192.0.2.1]"),
        ("me@[IPv6:2001:db8::1]", "", "me@[IPv6:2001:db8::1]"),
    ],
)
def test_addresses(text, name, address):
    assert parse_address(text) == MailAddress(name, address)
    assert parse_addresses(text) == [MailAddress(name, address)]


def test_several():
    text = 'a@example.com,"B, C" <b@example.com>, ,D <d@example.com>,'
    assert [each.address for each in parse_addresses(text)] == ["a@example.com", "b@example.com", "d@example.com"]
    assert parse_addresses(" ") == []


@pytest.mark.parametrize(
    "text",
    [
        "me",
        "@example.com",
        "me@",
        "me@@example.com",
        "me@-example.com",
        "me@example..com",
        "me me@example.com",
        "m,e@example.com",
        "me@example.com>",
        "<me@example.com",
        "<a@example.com> <b@example.com>",
        '"open <me@example.com>',
        "Me <me@example.com> x",
        "me@example.com SIZE=1",
        "jürgen@example.com",
        ".me@example.com",
        "x" * 65 + "@example.com",
        "me@" + "a." * 130 + "com",
        "N" * 201 + " <me@example.com>",
        "me@example.com\r\nRCPT TO:<x@example.com>",
        "me@example.com\0",
    ],
)
def test_what_is_no_address(text):
    with pytest.raises(AddressError):
        parse_addresses(text)
