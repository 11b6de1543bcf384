"""Servers that lie, stall, flood and break off: a clean failure, in time, with bounded memory."""

import gzip
import resource
import time
import zlib

import pytest

LIMIT = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def run(make_run):
    return make_run(body_limit=LIMIT)


def fails(run, port, reason, **spec):
    answer = run.ask(f"http://127.0.0.1:{port}/", **spec)
    assert (answer["valid"], answer["status"], answer["headers"]) == (False, 0, [])
    assert reason in answer["error"]
    assert run.lines[-1] == ("error", answer["error"])
    return answer


def sends(*parts):
    def script(connection, _request):
        for part in parts:
            connection.sendall(part)

    return script


def floods(head, piece, total):
    """Send ``head`` and then ``piece`` again and again, until the client hangs up or ``total`` bytes are out."""

    def script(connection, _request):
        connection.sendall(head)
        for _ in range(total // len(piece)):
            connection.sendall(piece)

    return script


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "closed the connection early"),
        (b"HTTP/1.1 200 O", "closed the connection early"),
        (b"nonsense\r\n\r\n", "not valid HTTP"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "not valid HTTP"),
        (b"HTTP/9.9.9 200 OK\r\n\r\n", "not valid HTTP"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, "not valid HTTP"),
        (OK + b"Content-Length: 10\r\n\r\nshort", "closed the connection early"),
        (OK + b"Content-Length: x\r\n\r\nshort", "not valid HTTP"),
        (OK + b"Content-Length: -1\r\n\r\nshort", "not valid HTTP"),
        (OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nshort", "not valid HTTP"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "closed the connection early"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "not valid HTTP"),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "not valid HTTP"),
        (OK + b"Bad Header: x\r\n\r\n", "not valid HTTP"),
        (OK + b"X: a\x00b\r\n\r\n", "not valid HTTP"),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nnogzi", "damaged"),
        (OK + b"Content-Encoding: gzip, gzip\r\nContent-Length: 5\r\n\r\nnogzi", "more than one content encoding"),
        (OK + b"Content-Length: 99999999999999999999999999\r\n\r\n", "not valid HTTP"),
        (OK + b"Content-Length: 1048577\r\n\r\n", "larger than the 1048576 bytes"),
    ],
)
def test_broken_answers(run, raw, answer, reason):
    fails(run, raw(sends(answer)), reason)


def test_endless_headers(run, raw):
    fails(run, raw(floods(OK, b"X-Header: value\r\n" * 100, 64 << 20)), "not valid HTTP")


def test_one_endless_header(run, raw):
    fails(run, raw(floods(OK + b"X: ", b"x" * 65536, 64 << 20)), "not valid HTTP")


def test_endless_status_line(run, raw):
    fails(run, raw(floods(b"HTTP/1.1 200 ", b"x" * 65536, 64 << 20)), "not valid HTTP")


def test_endless_interim_answers_end_at_the_deadline(run, raw):
    fails(run, raw(floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 1 << 30)), "in time", timeout=0.2)


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (OK + b"\r\n", b"x" * 65536),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", b"x" * 65536),
    ],
    ids=["until close", "chunked", "one huge chunk"],
)
def test_endless_bodies(run, raw, head, piece):
    fails(run, raw(floods(head, piece, 1 << 30)), "larger than")


def test_endless_tiny_chunks(make_run, raw):
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    fails(make_run(body_limit=1000), raw(floods(head, b"1\r\nx\r\n" * 10000, 1 << 30)), "larger than")


def test_endless_trailers(run, raw):
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
    fails(run, raw(floods(head, b"X-Trailer: value\r\n" * 100, 64 << 20)), "not valid HTTP")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compression_bombs(run, raw, coding):
    # 256 MiB of zeros in a quarter of a MiB.
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | (16 if coding == "gzip" else 0))
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
    head = OK + f"Content-Encoding: {coding}\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fails(run, raw(sends(head, packed)), "larger than")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_what_follows_a_compressed_body_is_not_hoarded(run, raw):
    head = OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"done")
    fails(run, raw(floods(head, b"\x00" * 65536, 1 << 30)), "larger than")


def test_a_body_of_exactly_the_limit(run, raw):
    port = raw(sends(OK + b"\r\n", b"x" * LIMIT))
    answer = run.ask(f"http://127.0.0.1:{port}/")
    assert answer["valid"]
    assert len(run.service.body_text(answer["id"])) == LIMIT
    fails(run, raw(sends(OK + b"\r\n", b"x" * (LIMIT + 1))), "larger than")


@pytest.mark.parametrize(
    "parts",
    [(), (OK,), (OK + b"Content-Length: 3\r\n\r\n", b"x"), (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",)],
    ids=["no answer", "no headers", "no body", "no chunk"],
)
def test_a_stall_ends_at_the_deadline(run, raw, parts):
    def stall(connection, request):
        sends(*parts)(connection, request)
        connection.recv(1)

    fails(run, raw(stall), "in time", timeout=0.15)


def test_a_drip_does_not_extend_the_deadline(run, raw):
    def drip(connection, _request):
        connection.sendall(OK + b"Content-Length: 100000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(0.01)

    answer = fails(run, raw(drip), "in time", timeout=0.2)
    assert answer["ms"] >= 200


def test_a_server_that_does_not_read_ends_at_the_deadline(make_run, raw):
    run = make_run(body_limit=LIMIT)
    done = []

    def deaf(connection, _request):
        while not done:
            time.sleep(0.01)

    port = raw(deaf)
    try:
        fails(run, port, "in time", method="POST", body="x" * (32 << 20), timeout=0.3)
    finally:
        done.append(1)


def test_the_deadline_covers_redirects(run, raw):
    def onward(connection, _request):
        time.sleep(0.05)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    fails(run, raw(onward), "in time", timeout=0.2)


def test_an_early_answer_to_a_large_upload(run, raw):
    def early(connection, _request):
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        while connection.recv(1 << 20):
            pass

    answer = run.ask(f"http://127.0.0.1:{raw(early)}/", "POST", body="x" * (1 << 20))
    assert (answer["valid"], answer["status"]) == (True, 413)


def test_interim_answers_are_skipped(run, raw):
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    port = raw(sends(interim + OK + b"Content-Length: 2\r\n\r\nok"))
    answer = run.ask(f"http://127.0.0.1:{port}/", "POST", body="x", headers=[["Expect", "100-continue"]])
    assert (answer["status"], run.service.body_text(answer["id"])) == (200, "ok")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_answers_without_a_body(run, raw, status):
    port = raw(sends(b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\n"))
    answer = run.ask(f"http://127.0.0.1:{port}/")
    assert (answer["valid"], run.service.body_text(answer["id"])) == (True, "")


def test_an_upgrade_nobody_asked_for(run, raw):
    port = raw(sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + b"x" * 100))
    fails(run, port, "not valid HTTP")


def test_a_compressed_answer_is_unpacked(run, raw):
    packed = gzip.compress(b"hello" * 1000)
    head = OK + f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    answer = run.ask(f"http://127.0.0.1:{raw(sends(head, packed))}/")
    assert run.service.body_text(answer["id"]) == "hello" * 1000


def test_the_service_works_on_after_each_failure(run, raw, serve):
    good = serve(lambda _handler, _body: (200, [], b"ok"))
    for script in (sends(b""), sends(b"nonsense\r\n\r\n"), floods(OK + b"\r\n", b"x" * 65536, 1 << 30)):
        assert not run.ask(f"http://127.0.0.1:{raw(script)}/")["valid"]
        assert run.ask(f"http://127.0.0.1:{good.port}/")["valid"]
