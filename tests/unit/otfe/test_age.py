"""The age tool reads what we write, and the other way."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.terminal import Terminal
from nightdrop.otfe import x25519
from nightdrop.otfe.coder import Coder
from nightdrop.otfe.keys import OtfeKey, parse_identity, parse_key

SIZES = [0, 1, 65535, 65536, 65537, 300_001]
CONTENT = os.urandom(max(SIZES))
LARGE = 1 << 30
# Of a length that no chunk is a multiple of: a chunk at another place would differ.
PATTERN = os.urandom(1_000_003)


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    path = tmp_path / "key.txt"
    path.write_text(x25519.generate() + "\n")
    return path


def key_of(identity: Path) -> OtfeKey:
    return parse_key(identity.read_text())


def recipient_of(identity: Path) -> str:
    return str(parse_identity(identity.read_text().strip()).recipient)


def age(*arguments: str | Path, given: bytes) -> bytes:
    return subprocess.run(["age", *arguments], input=given, capture_output=True, check=True).stdout


def through(coder: Coder, data: bytes) -> bytes:
    return coder.update(data) + coder.finish()


@pytest.mark.parametrize("size", SIZES)
def test_recipients(size: int, identity: Path) -> None:
    key, content = key_of(identity), CONTENT[:size]
    assert age("-d", "-i", identity, given=through(key.encryptor(), content)) == content
    theirs = age("-r", recipient_of(identity), given=content)
    assert through(key.decryptor(), theirs) == content
    assert len(theirs) == key.encrypted_size(size)
    assert key.plain_size(len(theirs)) == size


def test_several_recipients(identity: Path) -> None:
    other = x25519.generate()
    both = f"{recipient_of(identity)} {parse_identity(other).recipient}"
    assert age("-d", "-i", identity, given=through(parse_key(both).encryptor(), b"x")) == b"x"
    theirs = age(*(word for one in both.split() for word in ("-r", one)), given=b"x")
    assert through(parse_key(other).decryptor(), theirs) == b"x"
    assert len(theirs) == parse_key(both).encrypted_size(1)


def test_identities_of_the_tool(tmp_path: Path) -> None:
    path = tmp_path / "theirs.txt"
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    key = parse_key(path.read_text())
    shown = subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True).stdout.decode().strip()
    assert [str(one) for one in key.recipients] == [shown]
    assert through(key.decryptor(), through(parse_key(shown).encryptor(), b"x")) == b"x"


def typing(folder: Path, arguments: list[str], *answers: str) -> None:
    """Run age on a terminal, the only place where it takes passphrases from."""
    program = SimpleNamespace(argv=["age"], env=dict(os.environ), folder=folder)
    with Terminal(program, arguments) as terminal:
        for number, answer in enumerate(answers):
            terminal.wait_for("onfirm passphrase" if number else "nter passphrase")
            terminal.wait_for_no_echo()
            terminal.type(answer + "\n")
        assert terminal.end() == 0, terminal.shown


def test_passphrases(tmp_path: Path) -> None:
    passphrase = "schlüssel with spaces"
    key = parse_key(passphrase)
    plain, ours, theirs = tmp_path / "plain", tmp_path / "ours.age", tmp_path / "theirs.age"
    plain.write_bytes(CONTENT[:65537])
    typing(tmp_path, ["-p", "-o", str(theirs), str(plain)], passphrase, passphrase)
    assert through(key.decryptor(), theirs.read_bytes()) == plain.read_bytes()
    assert theirs.stat().st_size == key.encrypted_size(65537)
    ours.write_bytes(through(key.encryptor(), plain.read_bytes()))
    typing(tmp_path, ["-d", "-o", str(tmp_path / "opened"), str(ours)], passphrase)
    assert (tmp_path / "opened").read_bytes() == plain.read_bytes()


def pattern(size: int) -> Iterator[memoryview]:
    view = memoryview(PATTERN)
    while size:
        yield view[:size]
        size -= min(size, len(view))


def feed(process: subprocess.Popen[bytes], pieces: Iterator[memoryview | bytes]) -> threading.Thread:
    def write() -> None:
        assert process.stdin is not None
        with process.stdin:
            for piece in pieces:
                process.stdin.write(piece)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def coded(coder: Coder, pieces: Iterator[memoryview | bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield coder.update(piece)
    yield coder.finish()


def run_age(arguments: list[str | Path], pieces: Iterator[memoryview | bytes], take: Callable[[bytes], None]) -> None:
    with subprocess.Popen(["age", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        thread = feed(process, pieces)
        assert process.stdout is not None
        while piece := process.stdout.read(1 << 18):
            take(piece)
        thread.join()
    assert process.returncode == 0


class Compared:
    """Compares what comes with the pattern; keeps none of it."""

    def __init__(self) -> None:
        self.size = 0
        self._twice = memoryview(PATTERN * 2)

    def take(self, data: bytes) -> None:
        start = self.size % len(PATTERN)
        assert data == self._twice[start : start + len(data)]
        self.size += len(data)


def test_a_large_file_that_we_write(identity: Path) -> None:
    compared = Compared()
    pieces = coded(key_of(identity).encryptor(), pattern(LARGE))
    run_age(["-d", "-i", identity], pieces, compared.take)
    assert compared.size == LARGE


def test_a_large_file_that_the_tool_writes(identity: Path) -> None:
    compared, decryptor = Compared(), key_of(identity).decryptor()
    run_age(["-r", recipient_of(identity)], pattern(LARGE), lambda data: compared.take(decryptor.update(data)))
    compared.take(decryptor.finish())
    assert compared.size == LARGE
