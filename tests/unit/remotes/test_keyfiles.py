"""Private keys in every form that ssh-keygen, OpenSSL and PuTTY write."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

import ssh_server
from nightdrop.syncjs.remotes import keyfiles
from nightdrop.syncjs.remotes.port import RemoteError

KINDS = {
    "rsa": ["-t", "rsa", "-b", "2048"],
    "ecdsa256": ["-t", "ecdsa", "-b", "256"],
    "ecdsa384": ["-t", "ecdsa", "-b", "384"],
    "ecdsa521": ["-t", "ecdsa", "-b", "521"],
    "ed25519": ["-t", "ed25519"],
}
PASSPHRASE = "öpen sesame"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for kind, options in KINDS.items():
        ssh_server.new_key(folder / kind, *options)
    return folder


def written(keys: Path, kind: str, form: str, passphrase: str) -> bytes:
    """Return the key of a kind in a form; an empty passphrase leaves it open."""
    key = serialization.load_ssh_private_key((keys / kind).read_bytes(), None)
    lock = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    if form == "OpenSSH":
        return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, lock)
    if form == "PKCS8":
        return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    if form == "PEM":
        return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, lock)
    return putty(keys, kind, form, passphrase)


def putty(keys: Path, kind: str, form: str, passphrase: str) -> bytes:
    secret, target = keys / "passphrase", keys / "key.ppk"
    secret.write_text(passphrase)
    parameters = f"version={form[-1]}" + (f",kdf=argon2{form[3:-2]},memory=1024,passes=2" if form[-1] == "3" else "")
    subprocess.run(
        ["puttygen", keys / kind, "-O", "private", "-o", target, "--new-passphrase", secret, "--ppk-param", parameters],
        check=True,
        capture_output=True,
    )
    return target.read_bytes()


def public(keys: Path, kind: str) -> str:
    return ssh_server.fingerprint(keys / f"{kind}.pub", "sha256")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["OpenSSH", "PKCS8", "PEM", "PPK-2", "PPKid-3", "PPKi-3", "PPKd-3"])
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_key_is_read(keys: Path, kind: str, form: str, passphrase: str) -> None:
    if (kind, form) == ("ed25519", "PEM"):
        form = "PKCS8"  # there is no older form of these keys
    text = written(keys, kind, form, passphrase)
    assert keyfiles.load(text, passphrase).get_fingerprint() == public(keys, kind)
    if passphrase:
        for wrong in ("", "wrong"):
            with pytest.raises(RemoteError, match="passphrase"):
                keyfiles.load(text, wrong)


@pytest.mark.parametrize("form", ["OpenSSH", "PPK-2"])
def test_line_ends_and_marks_of_other_systems_do_not_matter(keys: Path, form: str) -> None:
    text = written(keys, "ed25519", form, "")
    for data in (text.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + text, b"\n" + text.rstrip()):
        assert keyfiles.load(data, "").get_fingerprint() == public(keys, "ed25519")


@pytest.mark.parametrize("form", ["PPK-2", "PPKid-3"])
def test_a_damaged_putty_file_is_refused(keys: Path, form: str) -> None:
    lines = written(keys, "rsa", form, "").decode().splitlines()
    for at in range(len(lines)):
        for damaged in (lines[:at], [*lines[:at], lines[at][:-1], *lines[at + 1 :]], lines[:at] + lines[at + 1 :]):
            with pytest.raises(RemoteError):
                keyfiles.load("\n".join(damaged).encode(), "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("Argon2-Memory: 1024", "Argon2-Memory: 99999999"), "too much work"),
        (("Argon2-Passes: 2", "Argon2-Passes: 99999999"), "too much work"),
        (("Argon2-Parallelism: 1", "Argon2-Parallelism: 99999999"), "too much work"),
        (("aes256-cbc", "rot13"), "encryption of the key file is not supported"),
        (("User-Key-File-3", "User-Key-File-9"), "version of PuTTY"),
        (("Comment: test", "Comment: best"), "wrong"),
    ],
)
def test_a_putty_file_that_asks_for_too_much_or_was_changed(keys: Path, change: tuple[str, str], reason: str) -> None:
    text = written(keys, "ed25519", "PPKid-3", PASSPHRASE).decode()
    assert change[0] in text
    with pytest.raises(RemoteError, match=reason):
        keyfiles.load(text.replace(*change).encode(), PASSPHRASE)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", b"x" * 100_000])
def test_what_is_no_key_is_refused(text: bytes) -> None:
    with pytest.raises(RemoteError):
        keyfiles.load(text, "")
