"""The gateway does not trust its runner: here the test is the runner, and it is an evil one."""

import json
import os
import struct

import pytest

from nightdrop.core.wire import ChannelClosedError, channel_pair, send_frame
from nightdrop.syncjs.pipe import Pipe


@pytest.fixture
def evil(pair):
    """Put the test in the runner's place."""
    os.kill(pair.pids["gateway"], 9)
    os.waitpid(pair.pids.pop("gateway"), 0)
    os.waitpid(pair.pids.pop("runner"), 0)
    worker_end, control = channel_pair()
    gateway_pipe, ours = channel_pair()
    pair.pids["gateway"] = pair.fork_gateway(control, gateway_pipe)
    control.close()
    gateway_pipe.close()
    pair.control.close()
    pair.control.sock = worker_end
    worker_end.settimeout(20)
    ours.settimeout(20)
    pair.start("")
    pipe = Pipe(ours)
    assert "run" in json.loads(pipe.recv())
    yield pipe, ours
    ours.close()


CALL = {"c": "log", "a": ["info", "x"]}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"garbage",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b"[" * 200_000,
        b'{"c":5,"a":[]}',
        b'{"c":{"x":1},"a":[]}',
        b'{"c":"log"}',
        b'{"c":"log","a":{}}',
        b'{"c":"log","a":[]}',
        b'{"c":"log","a":["info",5]}',
        b'{"c":"log","a":["fatal","x"]}',
        b'{"c":"log","a":[["info"],"x"]}',
        b'{"c":"log","a":["info","x","y"]}',
        b'{"c":"sleep","a":["1"]}',
        b'{"c":"sleep","a":[-1]}',
        b'{"c":"sleep","a":[NaN]}',
        b'{"c":"sleep","a":[true]}',
        b'{"c":"wait","a":[-1,[],true]}',
        b'{"c":"wait","a":[1,{},true]}',
        b'{"c":"wait","a":[1,[],1]}',
        b'{"c":"wait","a":[1,[[]],true]}',
        b'{"c":"watch.events","a":["1"]}',
        b'{"c":"watch.start","a":["x",{}]}',
        b'{"c":"watch.start","a":[1,{"dirs":[["in",1]],"include":[],"exclude":[],"delay":0}]}',
        b'{"c":"watch.start","a":[1,{"dirs":[],"include":[1],"exclude":[],"delay":0}]}',
        b'{"c":"http.request","a":[5]}',
        b'{"c":"http.text","a":["1"]}',
        b'{"c":"http.save","a":[1,5]}',
        b'{"c":"secret.get","a":["x",{}]}x',
        b'{"c":"exec","a":["id"]}',
        b'{"c":"__init__","a":[]}',
        b'{"done":false}',
        b'{"err":5}',
        b'{"err":{"kind":"keeper","name":"","message":"","line":0,"column":0,"stack":""}}',
        b'{"err":{"kind":"script","name":"","message":"","line":"0","column":0,"stack":""}}',
        b'{"err":{"kind":"script","message":"","line":0,"column":0,"stack":""}}',
    ],
)
def test_what_is_not_a_call_ends_the_run(pair, evil, payload):
    evil[0].send(payload)
    result = pair.finish()
    assert result.error["kind"] == "internal"
    assert "not a call" in result.error["message"]


def test_a_header_that_claims_too_much_ends_the_run(pair, evil):
    evil[1].sendall(struct.pack("!IB", 0xFFFFFFFF, 0))
    assert "not a call" in pair.finish().error["message"]


def test_descriptors_are_not_taken(pair, evil, tmp_path):
    with (tmp_path / "f").open("w") as file:
        send_frame(evil[1], json.dumps(CALL).encode(), [file.fileno()])
    result = pair.finish()
    assert "not a call" in result.error["message"]
    assert result.lines == []


def test_an_error_text_is_cut_and_made_visible(pair, evil):
    error = {
        "kind": "script",
        "name": "Error",
        "message": "\x1b" + "m" * 1_000_000,
        "line": 1,
        "column": 1,
        "stack": "s" * 1_000_000,
    }
    evil[0].send(json.dumps({"err": error}).encode())
    result = pair.finish()
    assert result.error["message"].startswith("\\x1bmm")
    assert len(result.error["message"]) < 20_000
    assert len(result.error["stack"]) < 20_000


def test_frames_after_the_end_are_ignored(pair, evil):
    evil[0].send(b'{"done":true}')
    result = pair.finish()
    assert result.end["state"] == "succeeded"
    with pytest.raises(ChannelClosedError):
        evil[0].recv()


def test_a_name_for_another_site_is_only_a_name(pair, evil):
    evil[0].send(json.dumps({"c": "secret.get", "a": ["other\0site", "GetSecret"]}).encode())
    assert json.loads(evil[0].recv())["v"] is None
    assert pair.keeper.asked == []
    evil[0].send(b'{"done":true}')
    pair.finish()


def test_a_forged_caller_does_not_reach_the_log(pair, evil):
    evil[0].send(json.dumps({"c": "secret.get", "a": ["no", "INFO all is well\n"]}).encode())
    evil[0].recv()
    evil[0].send(b'{"done":true}')
    assert pair.finish().texts == ['GetSecret("no"): there is no such secret in this site']
