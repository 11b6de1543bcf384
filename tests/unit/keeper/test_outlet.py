"""Sending without ever waiting, and wiping what was sent."""

import socket

import pytest

from nightdrop.core.wire import Channel, ChannelClosedError, channel_pair
from nightdrop.worker.keeper.channel import Outlet


@pytest.fixture
def ends():
    ours, theirs = channel_pair()
    ours.setblocking(False)
    theirs.settimeout(30)
    with ours, theirs:
        yield ours, Channel(theirs)


def test_a_value_is_wiped_once_it_is_sent(ends):
    value = bytearray(b"secret")
    Outlet(ends[0]).send(b"v", value)
    assert ends[1].recv().payload == b"vsecret"
    assert value == bytes(6)


def test_what_the_kernel_does_not_take_waits_and_is_wiped_at_the_end(ends):
    outlet = Outlet(ends[0])
    values = [bytearray(b"%d" % number * 700_000) for number in range(3)]
    copies = [bytes(value) for value in values]
    for value in values:
        outlet.send(b"v", value)
    assert outlet.waiting_bytes > 0
    assert values[2] == copies[2], "still needed"
    received = []
    ends[0].setblocking(False)
    while len(received) < 3:
        ends[1].sock.setblocking(False)
        try:
            received.append(bytes(ends[1].recv().payload))
        except BlockingIOError:
            outlet.flush()
    assert received == [b"v" + copy for copy in copies]
    assert outlet.waiting_bytes == 0
    assert all(not any(value) for value in values)


def test_discard_wipes_what_waits(ends):
    outlet = Outlet(ends[0])
    value = bytearray(b"x" * 2_000_000)
    outlet.send(b"v", value)
    outlet.discard()
    assert outlet.waiting_bytes == 0
    assert not any(value)


def test_a_value_for_a_peer_that_is_gone_is_wiped(ends):
    ends[1].close()
    value = bytearray(b"secret")
    with pytest.raises(ChannelClosedError):
        Outlet(ends[0]).send(b"v", value)
    assert value == bytes(6)


def test_a_peer_that_leaves_while_a_value_waits(ends):
    outlet = Outlet(ends[0])
    value = bytearray(b"x" * 2_000_000)
    outlet.send(b"v", value)
    ends[1].close()
    with pytest.raises(ChannelClosedError):
        outlet.flush()
    outlet.discard()
    assert not any(value)


def test_frames_without_a_value(ends):
    outlet = Outlet(ends[0])
    outlet.send(b"m")
    outlet.send(b"")
    assert [ends[1].recv().payload for _ in range(2)] == [b"m", b""]
    assert isinstance(ends[0], socket.socket)
