"""Certificates, and where nightdrop refuses to listen."""

import socket
import ssl
import threading
import warnings
from datetime import UTC, datetime, timedelta

import pytest

from nightdrop.api.tls import (
    InsecureListenError,
    Tls,
    TlsFilesError,
    TlsSettingsError,
    check_listen,
    make_self_signed,
    prepare_self_signed,
    tls_files,
)
from nightdrop.core.config import Config
from nightdrop.core.home import create_home


def write_pair(folder, name="a", **options):
    cert, key = make_self_signed(["localhost", "127.0.0.1"], **options)
    files = folder / f"{name}.crt", folder / f"{name}.key"
    for path, content in zip(files, (cert, key), strict=True):
        path.write_bytes(content)
    return files


def handshake(tls, cert, *, host="localhost", maximum=None):
    """Connect to a server with ``tls`` and return the version that was agreed on."""
    left, right = socket.socketpair()

    def serve():
        try:
            with right, tls.context.wrap_socket(right, server_side=True) as server:
                server.recv(1)
        except OSError:
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    context = ssl.create_default_context(cafile=str(cert))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if maximum:
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = maximum
        context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        with context.wrap_socket(left, server_hostname=host) as client:
            return client.version()
    finally:
        left.close()
        thread.join()


@pytest.mark.parametrize(
    "settings",
    [
        {"listen": "0.0.0.0:1"},
        {"listen": "[::]:1"},
        {"listen": "192.0.2.1:1"},
        {"listen": "drop.example:1"},
        {"listen": "localhost.evil.example:1"},
    ],
)
def test_other_hosts_are_not_spoken_to_in_the_clear(settings):
    with pytest.raises(InsecureListenError):
        check_listen(Config(**settings))
    check_listen(Config(**settings, self_signed=True))
    check_listen(Config(**settings, behind_proxy=True))
    check_listen(Config(**settings, tls_cert="a", tls_key="b"))


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "localhost:1"])
def test_this_host_needs_no_tls(listen):
    check_listen(Config(listen=listen))


@pytest.mark.parametrize(
    "settings", [{"tls_cert": "a"}, {"tls_key": "a"}, {"tls_cert": "a", "tls_key": "b", "self_signed": True}]
)
def test_settings_that_contradict_each_other(settings):
    with pytest.raises(TlsSettingsError):
        check_listen(Config(**settings))


def test_a_self_signed_certificate_is_trusted_by_who_has_it_for_its_names_alone(tmp_path):
    cert, key = write_pair(tmp_path)
    tls = Tls(cert, key)
    assert handshake(tls, cert) == "TLSv1.3"
    assert handshake(tls, cert, host="127.0.0.1") == "TLSv1.3"
    assert set(tls.names) == {"localhost", "127.0.0.1"}
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tls, cert, host="other.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tls, write_pair(tmp_path, "b")[0])


def test_nothing_older_than_tls_1_2(tmp_path):
    cert, key = write_pair(tmp_path)
    assert handshake(Tls(cert, key), cert, maximum=ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        handshake(Tls(cert, key), cert, maximum=ssl.TLSVersion.TLSv1_1)


def test_a_new_certificate_is_taken_while_it_runs_and_a_bad_one_changes_nothing(tmp_path):
    cert, key = write_pair(tmp_path)
    tls = Tls(cert, key)
    first = tls.fingerprint
    write_pair(tmp_path)
    tls.reload()
    assert tls.fingerprint != first
    assert handshake(tls, cert) == "TLSv1.3"
    good = cert.read_bytes()
    cert.write_bytes(write_pair(tmp_path, "b")[0].read_bytes())
    with pytest.raises(TlsFilesError):
        tls.reload()
    cert.write_bytes(good)
    assert handshake(tls, cert) == "TLSv1.3"


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
def test_files_that_are_no_pair(tmp_path, content):
    cert, key = write_pair(tmp_path)
    if content is None:
        cert.unlink()
    else:
        cert.write_bytes(content)
    with pytest.raises(TlsFilesError):
        Tls(cert, key)


def test_the_own_pair_is_made_once_private_and_anew_when_it_has_to_be(tmp_path):
    home = create_home(tmp_path / "home")
    config = Config(self_signed=True, listen="0.0.0.0:1")
    cert, key = tls_files(home, config)
    prepare_self_signed(home, config)
    made = cert.read_bytes()
    assert (key.stat().st_mode & 0o777, cert.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    prepare_self_signed(home, config)
    assert cert.read_bytes() == made
    prepare_self_signed(home, Config(self_signed=True, hosts=("drop.example.com",)))
    named = cert.read_bytes()
    assert named != made
    assert "drop.example.com" in Tls(cert, key).names
    prepare_self_signed(home, Config(self_signed=True))
    assert cert.read_bytes() == named
    write_old = make_self_signed(["localhost"], datetime.now(UTC) - timedelta(days=824))
    cert.write_bytes(write_old[0])
    key.write_bytes(write_old[1])
    prepare_self_signed(home, Config(self_signed=True))
    assert cert.read_bytes() != write_old[0]


def test_without_the_setting_nothing_is_made(tmp_path):
    home = create_home(tmp_path / "home")
    prepare_self_signed(home, Config())
    assert tls_files(home, Config()) is None
    assert not (home.root / "tls").exists()
