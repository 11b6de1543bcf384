"""The control channel and the edges of the protocols."""

import base64

import pytest

from nightdrop.core.wire import Channel, ChannelClosedError, channel_pair
from nightdrop.crypto.identity import SiteKeyForgedError, fingerprint, verify_site_key
from nightdrop.crypto.sealing import seal_secret

NEW_SITE = "site_00000000000000000000000009"


def published(answer):
    decoded = {part: base64.b64decode(answer[part]) for part in ("public_key", "signature", "identity")}
    return {**answer, **decoded}


def test_status_tells_who_and_what(installation, keeper):
    status = keeper.ask("status")
    assert status["ok"]
    assert status["node"] == fingerprint(installation.keys.node_public)
    assert status["identity"] == fingerprint(installation.keys.identity_public)
    assert status["sites"] == {installation.site_a: "ok", installation.site_b: "ok"}
    assert status["problem"] is None


def test_a_new_site_key_is_signed_stored_and_works(installation, start):
    keeper = start()
    made = published(keeper.ask("create_site_key", site=NEW_SITE))
    assert made["ok"]
    assert made["identity"] == installation.keys.identity_public
    assert made["key_id"] == fingerprint(made["public_key"])
    signed = (made["site"], made["epoch"], made["suite"], made["public_key"])
    verify_site_key(made["identity"], made["signature"], *signed)
    with pytest.raises(SiteKeyForgedError):
        verify_site_key(made["identity"], made["signature"], installation.site_a, *signed[1:])
    binding = {"site_id": NEW_SITE, "epoch": made["epoch"], "name": "key", "revision": 1}
    installation.sql("INSERT INTO sites (id, name, created_ms) VALUES (?, 'new', 0)", NEW_SITE)
    installation.write(NEW_SITE, "key", seal_secret(made["public_key"], value=b"value", **binding))
    assert keeper.open_run(NEW_SITE).get("key") == b"vvalue"
    keeper.kill()
    again = start()
    assert again.open_run(NEW_SITE).get("key") == b"vvalue"
    assert again.ask("status")["sites"][NEW_SITE] == "ok"
    recipients = installation.keeper_sql("SELECT count(*) FROM site_seeds WHERE site_id=?", NEW_SITE)
    assert recipients == [(2,)], "one for the node, one for the recovery key"


def test_asked_again_it_is_the_same_key(installation, keeper):
    first = keeper.ask("create_site_key", site=NEW_SITE)
    again = keeper.ask("create_site_key", site=NEW_SITE)
    assert {**first, "id": 0} == {**again, "id": 0}
    known = published(keeper.ask("create_site_key", site=installation.site_a))
    assert known["public_key"] == installation.public_key(installation.site_a)
    events = [entry["event"] for entry in installation.audit()]
    assert events.count("keeper.site_key_created") == 1


def test_one_site_that_does_not_open_leaves_the_others(installation, start):
    installation.put(installation.site_a, "key", b"a")
    installation.put(installation.site_b, "key", b"b")
    node = fingerprint(installation.keys.node_public)
    installation.keeper_sql(
        "UPDATE site_seeds SET sealed=zeroblob(length(sealed)) WHERE site_id=? AND fingerprint=?",
        installation.site_a,
        node,
    )
    keeper = start()
    status = keeper.ask("status")
    assert status["sites"] == {installation.site_a: "site_key_unopenable", installation.site_b: "ok"}
    assert keeper.open_run(installation.site_a, "run_a").get("key") == b"x"
    assert keeper.open_run(installation.site_b, "run_b").get("key") == b"vb"
    assert installation.events() == ["secret.refused.no_key", "secret.read"]
    assert keeper.check(installation, "key") == ["site_key_unopenable", "ok"]
    assert keeper.ask("create_site_key", site=installation.site_a)["code"] == "site_key_unopenable"
    assert keeper.ask("create_site_key", site=NEW_SITE)["ok"]


def test_seeds_moved_between_sites_do_not_open(installation, start):
    rows = dict(installation.keeper_sql("SELECT site_id || fingerprint, sealed FROM site_seeds"))
    node = fingerprint(installation.keys.node_public)
    moved = rows[installation.site_b + node]
    installation.keeper_sql(
        "UPDATE site_seeds SET sealed=? WHERE site_id=? AND fingerprint=?", moved, installation.site_a, node
    )
    assert start().ask("status")["sites"][installation.site_a] == "site_key_unopenable"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda path: path.unlink(), "node_key_missing"),
        (lambda path: path.write_bytes(b"short"), "node_key_invalid"),
        (lambda path: path.chmod(0o644), "node_key_exposed"),
    ],
)
def test_with_a_bad_node_key_it_starts_and_says_so(installation, start, spoil, code):
    installation.put(installation.site_a, "key", b"value")
    spoil(installation.node_key)
    keeper = start()
    status = keeper.ask("status")
    assert status["problem"] == code
    assert status["hint"]
    assert status["sites"] == {installation.site_a: code, installation.site_b: code}
    assert keeper.open_run(installation.site_a).get("key") == b"x"
    assert installation.audit()[-1]["event"] == "secret.refused.no_key"
    assert installation.audit()[-1]["reason"] == code
    assert keeper.ask("create_site_key", site=NEW_SITE)["code"] == code
    assert keeper.ask("check", secrets=[])["code"] == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"op": "reveal"}, "unknown_op"),
        ({}, "unknown_op"),
        ({"op": "open_run"}, "bad_request"),
        ({"op": "open_run", "run": "r", "site": "s", "script": None}, "bad_request"),
        ({"op": "open_run", "run": 1, "site": "s"}, "bad_request"),
        ({"op": "close_run"}, "bad_request"),
        ({"op": "create_site_key", "site": ""}, "bad_request"),
        ({"op": "check"}, "bad_request"),
        ({"op": "check", "secrets": [1]}, "bad_request"),
        ({"op": "check", "secrets": [{"site": "s", "name": "n", "sealed": "?"}]}, "bad_request"),
    ],
)
def test_a_bad_request_gets_a_typed_answer(keeper, message, code):
    keeper.control.send_json({"id": "mine", **message})
    answer = keeper.answer()
    assert (answer["id"], answer["ok"], answer["code"]) == ("mine", False, code)
    assert keeper.ask("status")["ok"]


@pytest.mark.parametrize("op", ["status", "reveal", "open_run"])
def test_descriptors_sent_with_other_requests_are_closed(keeper, op):
    ours, theirs = channel_pair()
    with ours:
        with theirs:
            keeper.ask(op, (theirs.fileno(), theirs.fileno()))
        ours.settimeout(30)
        # The end comes when the last of them is closed.
        assert ours.recv(1) == b""


def test_a_frame_that_is_no_request_ends_the_control_channel(keeper):
    keeper.control.send(b"[]")
    with pytest.raises(ChannelClosedError):
        keeper.control.recv()
    assert keeper.process.wait(30) == 0


@pytest.mark.parametrize("frame", [b"", b"get", b"GET\0key", b"put\0key", b"\0" * 8, b"get\0" + b"a" * 70_000])
def test_a_malformed_frame_ends_only_its_own_run(installation, keeper, frame):
    installation.put(installation.site_a, "key", b"value")
    other = keeper.open_run(installation.site_a, "other")
    run = keeper.open_run(installation.site_a, "bad")
    run.channel.send(frame)
    with pytest.raises(ChannelClosedError):
        run.channel.recv()
    assert other.get("key") == b"vvalue"


def test_a_frame_in_pieces_is_put_together(installation, keeper):
    installation.put(installation.site_a, "key", b"value")
    run = keeper.open_run(installation.site_a)
    for byte in b"\0\0\0\x07\0get\0key":
        run.channel.sock.sendall(bytes([byte]))
    assert run.channel.recv().payload == b"vvalue"


def test_a_closed_run_is_forgotten(installation, keeper):
    run = keeper.open_run(installation.site_a, "run_1")
    assert keeper.ask("close_run", run="run_1")["ok"]
    with pytest.raises(ChannelClosedError):
        run.channel.recv()
    assert keeper.ask("close_run", run="run_1")["ok"], "closing twice is no error"
    assert keeper.open_run(installation.site_a, "run_1").get("nothing") == b"m"


def test_a_run_is_bound_once(installation, keeper, pair):
    installation.put(installation.site_b, "key", b"of b")
    run = keeper.open_run(installation.site_a, "run_1")
    refused = keeper.ask("open_run", (pair[1].fileno(),), run="run_1", site=installation.site_b, script=None)
    assert (refused["ok"], refused["code"]) == (False, "bad_request")
    assert run.get("key") == b"m"


def test_a_run_that_does_not_read_stops_nobody(installation, keeper):
    value = b"x" * (1024 * 1024)
    installation.put(installation.site_a, "big", value)
    installation.put(installation.site_a, "key", b"value")
    lazy = keeper.open_run(installation.site_a, "lazy")
    for _ in range(8):
        lazy.channel.send(b"get\0big")
    other = keeper.open_run(installation.site_a, "other")
    for _ in range(5):
        assert other.get("key") == b"vvalue"
    for _ in range(8):
        assert lazy.channel.recv().payload == b"v" + value
    assert lazy.get("key") == b"vvalue"


def test_a_run_that_vanishes_with_a_value_under_way_stops_nobody(installation, keeper):
    installation.put(installation.site_a, "big", b"x" * (1024 * 1024))
    lazy = keeper.open_run(installation.site_a, "lazy")
    lazy.channel.send(b"get\0big")
    other = keeper.open_run(installation.site_a, "other")
    lazy.channel.close()
    assert other.get("nothing") == b"m"
    assert keeper.ask("status")["ok"]


def test_a_check_gives_way_to_runs(installation, keeper):
    names = [f"key {number}" for number in range(60)]
    for name in names:
        installation.put(installation.site_a, name, b"value")
    run = keeper.open_run(installation.site_a)
    rows = installation.sql("SELECT name, sealed FROM secrets")
    secrets = [
        {
            "site": installation.site_a,
            "name": name,
            "revision": 1,
            "epoch": 1,
            "sealed": base64.b64encode(sealed).decode(),
        }
        for name, sealed in rows
    ]
    keeper.control.send_json({"id": "check", "op": "check", "secrets": secrets})
    keeper.control.send_json({"id": "status", "op": "status"})
    assert run.get("key 1") == b"vvalue"
    order = [keeper.answer()["id"] for _ in range(2)]
    assert order == ["status", "check"], "a later short request does not wait for the long one"


def test_a_check_with_a_name_that_cannot_be_is_a_result(keeper, installation):
    row = {"site": installation.site_a, "name": " ", "revision": 1, "epoch": 1, "sealed": ""}
    assert keeper.ask("check", secrets=[row])["results"] == ["format"]


def test_two_runs_of_one_site_have_channels_of_their_own(installation, keeper):
    installation.put(installation.site_a, "key", b"value")
    ours, theirs = channel_pair()
    ours.settimeout(30)
    with theirs:
        assert keeper.ask("open_run", (theirs.fileno(),), run="one", site=installation.site_a, script=None)["ok"]
    two = keeper.open_run(installation.site_a, "two")
    Channel(ours).close()
    assert two.get("key") == b"vvalue"
    assert installation.audit()[-1]["run"] == "two"
