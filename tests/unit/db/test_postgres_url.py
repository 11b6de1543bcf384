"""URLs of PostgreSQL: what the driver gets, what a cage must leave open, and errors that repeat nothing."""

import pytest

from nightdrop.db.postgres import DatabaseUrlError, Reach, conninfo, parse_url, reach


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg://u:p@db.example:99/n", Reach((99,))),
        ("postgresql://u@db.example/n", Reach((5432,))),
        ("postgresql://u@/n?host=a:1&host=b:2", Reach((1, 2))),
        ("postgresql://u@db.example/n?port=77&sslmode=require", Reach((77,))),
        ("postgresql://u@/n?host=/run/postgresql", Reach((), local_socket=True)),
        ("postgresql:///n", Reach((), local_socket=True)),
        ("sqlite:////tmp/app.db", Reach()),
    ],
)
def test_what_a_client_connects_to(url, expected):
    assert reach(parse_url(url)) == expected


def test_a_password_reaches_the_driver_unchanged():
    assert "password=p@s/s" in conninfo(parse_url("postgresql://u:p%40s%2Fs@h/n"))


@pytest.mark.parametrize("url", ["mysql://u:s3cret@h/n", "s3cret", "postgresql://u:s3cret@h:port/n", "://s3cret"])
def test_what_is_no_url_has_an_error_that_does_not_repeat_it(url):
    with pytest.raises(DatabaseUrlError) as caught:
        parse_url(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_the_driver_does_not_know_is_an_error_that_does_not_repeat_it():
    with pytest.raises(DatabaseUrlError) as caught:
        conninfo(parse_url("postgresql://u@h/n?pasword=s3cret"))
    assert "s3cret" not in str(caught.value)
