"""TLS is always verified, and a cut connection is never a whole answer."""

import datetime as dt
import os
import ssl
import subprocess
import sys

import pytest
import trustme

from nightdrop.syncjs import http, tls

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def run(make_run):
    return make_run({"secure.example": "127.0.0.1", "other.example": "127.0.0.1", "127.0.0.1": "127.0.0.1"})


def fails(run, url, *reasons):
    answer = run.ask(url)
    assert (answer["valid"], answer["status"]) == (False, 0)
    assert any(reason in answer["error"] for reason in reasons), answer["error"]


@pytest.fixture
def context_for(authority):
    """Yield a function that makes a server context from a certificate."""

    def make(certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context

    return make


def test_a_trusted_server(trusting, run, serve, server_tls):
    server = serve(lambda _handler, _body: (200, [], b"ok"), server_tls)
    for host in ("secure.example", "SECURE.example.", "127.0.0.1"):
        run.connector.names.setdefault("secure.example.", "127.0.0.1")
        answer = run.ask(f"https://{host}:{server.port}/")
        assert answer["valid"], answer["error"]
    assert run.service.body_text(answer["id"]) == "ok"
    assert run.ask(f"https://127.0.0.1:{server.port}/")["valid"]
    assert len(run.connector.asked) == 3


def test_an_unknown_authority(trusting, run, serve, context_for):
    context = context_for(trustme.CA().issue_cert("secure.example"))
    server = serve(lambda _handler, _body: (200, [], b"ok"), context)
    fails(run, f"https://secure.example:{server.port}/", "certificate was not accepted")
    assert server.seen == []


def test_the_system_s_authorities_do_not_know_ours(run, serve, server_tls, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setattr(http, "_context", None)
    http.preload()
    server = serve(lambda _handler, _body: (200, [], b"ok"), server_tls)
    fails(run, f"https://secure.example:{server.port}/", "certificate was not accepted")


def test_the_wrong_name(trusting, run, serve, server_tls):
    server = serve(lambda _handler, _body: (200, [], b"ok"), server_tls)
    fails(run, f"https://other.example:{server.port}/", "certificate was not accepted")


def test_an_expired_certificate(trusting, run, serve, context_for, authority):
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    server = serve(
        lambda _handler, _body: (200, [], b"ok"), context_for(authority.issue_cert("secure.example", not_after=past))
    )
    fails(run, f"https://secure.example:{server.port}/", "expired")


def test_old_protocols_are_refused():
    context = tls.client_context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_server_without_tls(trusting, run, raw, serve):
    server = serve(lambda _handler, _body: (200, [], b"ok"))
    fails(run, f"https://secure.example:{server.port}/", "TLS handshake failed")


def test_a_server_that_never_shakes_hands(trusting, run, raw):
    port = raw(lambda _connection, _request: None)
    answer = run.ask(f"https://secure.example:{port}/", timeout=0.15)
    assert "in time" in answer["error"]


def test_a_cut_connection_is_no_end(trusting, run, raw, server_tls):
    """Without length or chunks only a proper end of TLS says that a body is whole."""

    def proper(connection, *, cut):
        with server_tls.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65536)
            secured.sendall(OK + b"\r\nhalf")
            if not cut:
                secured.unwrap()

    for cut in (True, False):
        port = raw(lambda connection, cut=cut: proper(connection, cut=cut), read=False)
        answer = run.ask(f"https://secure.example:{port}/")
        assert answer["valid"] is not cut
        assert run.service._pool.connections == []


def test_missing_authorities_are_an_error(monkeypatch, tmp_path):
    for content in (None, b"", b"nonsense"):
        bundle = tmp_path / "bundle.pem"
        if content is not None:
            bundle.write_bytes(content)
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
        with pytest.raises(tls.TrustStoreMissingError):
            tls.client_context()


def test_authorities_from_a_directory(monkeypatch, tmp_path, authority):
    authority.cert_pem.write_to_path(str(tmp_path / "ours.pem"))
    (tmp_path / "README").write_text("not a certificate")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert tls.client_context().cert_store_stats()["x509_ca"] == 1
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "missing"))
    with pytest.raises(tls.TrustStoreMissingError):
        tls.client_context()


def test_session_keys_are_not_written_out(tmp_path):
    keys = tmp_path / "keys"
    program = "from nightdrop.syncjs import tls; assert not tls.client_context().keylog_filename"
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "SSLKEYLOGFILE": str(keys)})
    assert not keys.exists()
