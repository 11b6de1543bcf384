import pytest

from nightdrop.access.throttle import ACCOUNT, ADDRESS, account_subject, address_subject


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("192.0.2.1", "address:192.0.2.1"),
        ("::ffff:192.0.2.1", "address:192.0.2.1"),
        ("2001:db8::1", "address:2001:db8::/64"),
        ("2001:db8::ffff:0:0:1", "address:2001:db8::/64"),
        ("2001:db8:0:1::1", "address:2001:db8:0:1::/64"),
        ("fe80::1%eth0", "address:fe80::/64"),
        (None, "address:-"),
        ("", "address:-"),
        ("testclient", "address:-"),
    ],
)
def test_an_address_counts_with_its_neighbours(address, subject):
    assert address_subject(address) == subject


def test_a_subject_does_not_tell_what_was_typed():
    assert "needle" not in account_subject("needle")
    assert account_subject("a") != account_subject("b")
    assert account_subject(None) == "account:-"


def test_delays_grow_and_end():
    assert [ACCOUNT.delay_ms(n) for n in (0, 4, 5, 6, 7, 14, 15, 10_000)] == [
        0,
        0,
        1000,
        2000,
        4000,
        512_000,
        900_000,
        900_000,
    ]
    assert ADDRESS.delay_ms(19) == 0
    assert ADDRESS.delay_ms(20) == 1000
