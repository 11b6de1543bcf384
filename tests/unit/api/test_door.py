"""What a request over TCP meets first: proxies, host names, rates."""

import math

import pytest

from nightdrop.api.authenticate import always
from nightdrop.api.door import Door
from nightdrop.api.edge import Edge
from nightdrop.api.hosts import Hosts, HostUnknownError
from nightdrop.api.proxies import NotThroughProxyError, Proxies
from nightdrop.api.rates import Rate, RateLimitedError, Rates
from nightdrop.core.caller import ANONYMOUS, Caller, host_owner
from nightdrop.core.config import Config


def scope(*headers, client="192.0.2.7", server="192.0.2.1", scheme="http"):
    lines = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return {"headers": lines, "client": (client, 1) if client else None, "server": (server, 2), "scheme": scheme}


def knows(hosts, *values):
    try:
        hosts.check(scope(*(("host", value) for value in values)))
    except HostUnknownError:
        return False
    return True


HOSTS = Hosts(["drop.example.com", "*.apps.example", "fd00::1"], lambda: ["Cert.Example", "*.wild.example"])


@pytest.mark.parametrize(
    "value",
    [
        "drop.example.com",
        "DROP.example.com.:8420",
        "x.apps.example",
        "cert.example:1",
        "a.wild.example",
        "localhost:8420",
        "127.0.0.1:8420",
        "[::1]:8420",
        "[fd00::1]",
        "192.0.2.1",
    ],
)
def test_own_names_are_taken_with_any_port(value):
    assert knows(HOSTS, value)


@pytest.mark.parametrize(
    "value",
    [
        "evil.example",
        "drop.example.com.evil.example",
        "evil-drop.example.com",
        "apps.example",
        "a.b.apps.example",
        "192.0.2.2",
        "",
        "drop.example.com@evil.example",
        "drop.example.com:80:80",
        "drop.example.com, evil.example",
        "[::1].evil.example",
        "localhost\xe9",
        "*.apps.example.evil",
    ],
)
def test_any_other_name_is_refused(value):
    assert not knows(HOSTS, value)


def test_no_host_and_several_are_refused():
    assert not knows(HOSTS)
    assert not knows(HOSTS, "localhost", "localhost")


def behind(*headers, client="10.0.0.1", scheme="http"):
    found = scope(*headers, client=client, scheme=scheme)
    Proxies(["10.0.0.0/24", "fd00::/64"]).apply(found)
    return found["client"][0], found["scheme"]


def test_a_proxy_is_believed_about_client_and_scheme():
    assert behind(("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")) == ("203.0.113.9", "https")
    assert behind(("x-forwarded-for", "203.0.113.9"), client="::ffff:10.0.0.1") == ("203.0.113.9", "http")


def test_what_the_client_itself_wrote_is_not_believed():
    assert behind(("x-forwarded-for", "127.0.0.1, 198.51.100.1, 203.0.113.9, 10.0.0.2"))[0] == "203.0.113.9"
    assert behind(("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "203.0.113.9"))[0] == "203.0.113.9"
    assert behind(("x-forwarded-for", "203.0.113.9, rubbish"))[0] == "10.0.0.1"
    assert behind(("x-forwarded-proto", "https, http"))[1] == "http"


def test_nobody_gets_past_the_proxy_but_this_host():
    with pytest.raises(NotThroughProxyError):
        behind(("x-forwarded-for", "10.0.0.1"), client="203.0.113.9")
    assert behind(("x-forwarded-for", "203.0.113.9"), client="127.0.0.1") == ("127.0.0.1", "http")


class Time:
    now = 100.0

    def __call__(self):
        return self.now


def took(rate, subject, times):
    count = 0
    for _ in range(times):
        try:
            rate.take(subject)
        except RateLimitedError:
            continue
        count += 1
    return count


def test_a_bucket_holds_ten_seconds_and_fills_at_its_rate():
    time = Time()
    rate = Rate(120, time)
    assert took(rate, "a", 100) == 20
    time.now += 1.5
    assert took(rate, "a", 100) == 3
    assert took(rate, "b", 100) == 20
    time.now += 3600
    assert took(rate, "a", 100) == 20


@pytest.mark.parametrize("per_minute", [1, 7, 60, 6000])
def test_after_the_seconds_it_names_there_is_room(per_minute):
    time = Time()
    rate = Rate(per_minute, time)
    took(rate, "a", 2000)
    with pytest.raises(RateLimitedError) as refused:
        rate.take("a")
    assert refused.value.retry_after_s == math.ceil(refused.value.retry_after_s) >= 1
    time.now += refused.value.retry_after_s
    rate.take("a")


def test_zero_is_no_limit():
    assert took(Rate(0), "a", 10_000) == 10_000


def test_the_memory_of_buckets_is_bounded_and_keeps_who_comes_often(monkeypatch):
    monkeypatch.setattr("nightdrop.api.rates._MOST", 3)
    rate = Rate(1, Time())
    for subject in ("busy", "b", "busy", "c", "busy", "d", "busy", "e"):
        took(rate, subject, 1)
    assert took(rate, "busy", 1) == 0
    assert len(rate._buckets) == 3


def test_each_token_and_account_has_its_own_count_and_addresses_go_by_network():
    rates = Rates(Config(rate_address=6, rate_account=6, rate_token=6), Time())
    one = Caller("token", "a", admin_id="adm", credential_id="tok_1")
    for caller in (
        one,
        Caller("token", "a", admin_id="adm", credential_id="tok_2"),
        Caller("session", "a", admin_id="adm"),
    ):
        rates.recognised(caller)
        with pytest.raises(RateLimitedError):
            rates.recognised(caller)
    rates.arrived(scope(client="2001:db8::1"))
    with pytest.raises(RateLimitedError):
        rates.arrived(scope(client="2001:db8::ffff:2"))
    rates.arrived(scope(client="2001:db8:0:1::1"))


async def hello(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def test_a_wrong_host_and_too_many_requests_are_problems_like_any_other(ask):
    edge = Edge(hello, always(ANONYMOUS), Door(Config(rate_address=6)))
    wrong = ask(edge, "GET", "/", headers={"host": "evil.example"})
    assert (wrong.status, wrong.json()["code"]) == (421, "host_unknown")
    assert "content-security-policy" in wrong.headers
    limited = ask(edge, "GET", "/", headers={"host": "localhost"})
    assert (limited.status, limited.json()["code"]) == (429, "rate_limited")
    assert int(limited.headers["retry-after"]) == 10
    assert limited.headers["cache-control"] == "no-store"


def test_the_admin_socket_has_no_door(ask):
    edge = Edge(hello, always(host_owner("me")))
    assert all(ask(edge, "GET", "/", headers={"host": "x"}).status == 200 for _ in range(20))


def test_only_tls_with_a_lasting_certificate_is_asked_for_again(ask):
    through = {"host": "localhost", "x-forwarded-proto": "https"}
    for config, header in [
        (Config(behind_proxy=True), True),
        (Config(), False),
        (Config(behind_proxy=True, self_signed=True), False),
    ]:
        edge = Edge(with_client("127.0.0.1", hello, Door(config)), always(ANONYMOUS))
        assert ("strict-transport-security" in ask(edge, "GET", "/", headers=through).headers) is header


def with_client(address, app, door):
    async def wrapped(scope, receive, send):
        await Edge(app, always(ANONYMOUS), door)({**scope, "client": (address, 1)}, receive, send)

    return wrapped
