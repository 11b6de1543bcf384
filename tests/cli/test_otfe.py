"""`nightdrop otfe`: an output is whole or not there, memory stays small, and nothing repeats a key."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.terminal import Terminal
from nightdrop.otfe import x25519
from nightdrop.otfe.keys import parse_identity, parse_key
from support import DEADLINE_S, Result, wait_until

CONTENT = os.urandom(200_000)
PROGRAM = [sys.executable, "-m", "nightdrop", "otfe"]


@dataclass
class Folder:
    """A folder of its own, with a key."""

    path: Path
    recipient: str = ""
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def run(self, *arguments: str, given: bytes = b"") -> Result:
        done = self.raw(*arguments, given=given)
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def raw(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [*PROGRAM, *arguments]
        return subprocess.run(command, cwd=self.path, input=given, capture_output=True, check=False, timeout=DEADLINE_S)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.path.iterdir())

    def terminal(self, *arguments: str) -> Terminal:
        return Terminal(SimpleNamespace(argv=PROGRAM, env=self.environment, folder=self.path), list(arguments))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    identity = x25519.generate()
    encryptor = parse_key(identity).encryptor()
    (tmp_path / "key").write_text(identity + "\n")
    (tmp_path / "plain").write_bytes(CONTENT)
    (tmp_path / "file.age").write_bytes(encryptor.update(CONTENT) + encryptor.finish())
    return Folder(tmp_path, str(parse_identity(identity).recipient))


def test_a_key_is_for_its_owner_alone_and_never_replaced_unasked(folder: Folder) -> None:
    key = folder.path / "made"
    result = folder.run("keygen", "-o", "made")
    assert (result.status, result.err, stat.S_IMODE(key.stat().st_mode)) == (0, "", 0o600)
    before = key.read_text()
    assert result.out.removeprefix("Recipient: ").strip() in before
    result = folder.run("keygen", "-o", "made")
    assert (result.status, key.read_text()) == (1, before)
    assert "already" in result.err
    assert folder.run("keygen", "-o", "made", "--force").status == 0
    assert key.read_text() != before
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_files_through_pipes(folder: Folder) -> None:
    sealed = folder.raw("encrypt", "--recipient", folder.recipient, given=CONTENT)
    assert (sealed.returncode, sealed.stderr) == (0, b"")
    opened = folder.raw("decrypt", "--identity", "key", "-", "-o", "-", given=sealed.stdout)
    assert (opened.returncode, opened.stderr, opened.stdout) == (0, b"", CONTENT)


def test_a_file_keeps_the_usual_permissions(folder: Folder) -> None:
    usual = os.umask(0)
    os.umask(usual)
    assert folder.run("decrypt", "--identity", "key", "file.age", "-o", "opened").status == 0
    assert (folder.path / "opened").read_bytes() == CONTENT
    assert stat.S_IMODE((folder.path / "opened").stat().st_mode) == 0o666 & ~usual


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data[: len(data) - 20_000], "otfe_damaged"),
        (lambda data: data[: 184 + 2 * 65552], "otfe_truncated"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "otfe_damaged"),
        (lambda _: CONTENT, "otfe_not_encrypted"),
        (lambda data: data.replace(b"X25519 ", b"X25519 A", 1), "otfe_header"),
    ],
    ids=["cut", "cut-at-a-border", "bit", "plain", "header"],
)
@pytest.mark.parametrize("old", [None, b"old"], ids=["new", "replacing"])
def test_a_failure_leaves_no_output(folder: Folder, change: object, code: str, old: bytes | None) -> None:
    sealed = (folder.path / "file.age").read_bytes()
    (folder.path / "file.age").write_bytes(change(sealed))  # type: ignore[operator]
    if old is not None:
        (folder.path / "opened").write_bytes(old)
    before = folder.files()
    result = folder.run("decrypt", "--identity", "key", "file.age", "-o", "opened", "--force", "--json")
    assert (result.status, result.json["error"]["code"]) == (1, code)
    assert folder.files() == before
    if old is not None:
        assert (folder.path / "opened").read_bytes() == old


def test_a_failure_on_standard_output_shows_in_the_status(folder: Folder) -> None:
    sealed = (folder.path / "file.age").read_bytes()
    done = folder.raw("decrypt", "--identity", "key", given=sealed[:-1])
    assert done.returncode == 1
    assert CONTENT.startswith(done.stdout)
    assert len(done.stdout) < len(CONTENT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_a_command_that_is_ended_leaves_no_output(folder: Folder, number: int) -> None:
    before = folder.files()
    command = [*PROGRAM, "encrypt", "--recipient", folder.recipient, "-o", "out"]
    with subprocess.Popen(command, cwd=folder.path, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(bytes(3_000_000))
        process.stdin.flush()

        def beside() -> bool:
            return any(path.stat().st_size > 2_000_000 for path in folder.path.glob(".out.*.part"))

        wait_until(beside, "the output is being written")
        process.send_signal(number)
        status = process.wait(DEADLINE_S)
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    left = [name for name in folder.files() if name not in before]
    if number == signal.SIGKILL:
        # Nobody can tidy up after that; what is left does not have the name.
        assert (status, [name.endswith(".part") for name in left]) == (-9, [True])
    else:
        assert (status, left) == (128 + number, [])


def test_an_output_that_appears_meanwhile_is_kept(folder: Folder) -> None:
    command = [*PROGRAM, "encrypt", "--recipient", folder.recipient, "-o", "out"]
    with subprocess.Popen(command, cwd=folder.path, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until(lambda: list(folder.path.glob(".out.*.part")), "the output has begun")
        (folder.path / "out").write_bytes(b"somebody else's")
        _, error = process.communicate(b"content", DEADLINE_S)
    assert (process.returncode, b"already" in error) == (1, True)
    assert (folder.path / "out").read_bytes() == b"somebody else's"
    assert not list(folder.path.glob(".out.*"))


def test_an_output_may_replace_its_input(folder: Folder) -> None:
    assert folder.run("decrypt", "--identity", "key", "file.age", "-o", "file.age", "--force").status == 0
    assert (folder.path / "file.age").read_bytes() == CONTENT


def test_a_link_stays_a_link(folder: Folder) -> None:
    (folder.path / "link").symlink_to("target")
    (folder.path / "target").write_bytes(b"old")
    assert folder.run("decrypt", "--identity", "key", "file.age", "-o", "link").status == 1
    assert folder.run("decrypt", "--identity", "key", "file.age", "-o", "link", "--force").status == 0
    assert (folder.path / "link").is_symlink()
    assert (folder.path / "target").read_bytes() == CONTENT


def test_devices_and_pipes_are_written_to_and_not_replaced(folder: Folder) -> None:
    assert folder.run("decrypt", "--identity", "key", "file.age", "-o", "/dev/null", "--force").status == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    fifo = folder.path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(
        [*PROGRAM, "decrypt", "--identity", "key", "file.age", "-o", "fifo"], cwd=folder.path
    ) as writer:
        assert fifo.read_bytes() == CONTENT
        assert writer.wait(DEADLINE_S) == 0
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nowhere/out", "its directory does not exist"),
        ("plain/out", "its directory does not exist"),
        (".", "something that is not a file"),
        ("x" * 300, "its name is too long"),
        ("/dev/full", "the disk is full"),
    ],
)
def test_an_output_that_cannot_be_written(folder: Folder, target: str, words: str) -> None:
    before = folder.files()
    result = folder.run("decrypt", "--identity", "key", "file.age", "-o", target)
    assert (result.status, "Traceback" in result.err, words in result.err) == (1, False, True)
    assert folder.files() == before


def test_standard_output_that_is_full(folder: Folder) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device, as a shell opens it
        done = subprocess.run(
            [*PROGRAM, "decrypt", "--identity", "key", "file.age"], cwd=folder.path, stdout=full, stderr=-1, check=False
        )
    assert (done.returncode, done.stderr.decode().splitlines()[0]) == (1, "error: The output cannot be written.")


def test_a_reader_that_has_seen_enough(folder: Folder) -> None:
    command = " ".join([*PROGRAM, "decrypt --identity key file.age | head -c 10 | wc -c"])
    done = subprocess.run(["sh", "-c", command], cwd=folder.path, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("10", "")


@pytest.mark.parametrize("action", ["encrypt", "decrypt"])
def test_nothing_binary_goes_to_a_terminal_unasked(folder: Folder, action: str) -> None:
    key = ["--recipient", folder.recipient] if action == "encrypt" else ["--identity", "key"]
    with folder.terminal(action, *key, "file.age") as terminal:
        assert terminal.end() == 1
        assert "would go to the terminal" in terminal.shown
    (folder.path / "short").write_bytes(b"short text\n")
    folder.run("encrypt", "--recipient", folder.recipient, "short", "-o", "short.age")
    if action == "decrypt":
        with folder.terminal(action, *key, "short.age", "-o", "-") as terminal:
            assert terminal.end() == 0
            assert "short text" in terminal.shown


def test_a_passphrase_comes_from_a_file_only(folder: Folder) -> None:
    (folder.path / "phrase").write_text("needle-9b1c\n")
    assert folder.run("encrypt", "--passphrase-file", "phrase", "plain", "-o", "p.age").status == 0
    opened = folder.raw("decrypt", "--passphrase-file", "/dev/stdin", "p.age", given=b"needle-9b1c")
    assert opened.stdout == CONTENT
    for wrong in (["--passphrase", "needle-9b1c"], ["--passphrase=needle-9b1c"], ["--passphrase-file", "needle-9b1c"]):
        result = folder.run("encrypt", *wrong, "plain")
        assert result.status in {1, 2}
        assert "needle" not in result.out + result.err


def test_nothing_repeats_a_key(folder: Folder) -> None:
    identity = (folder.path / "key").read_text().splitlines()[-1]
    for arguments in (
        ["encrypt", "--recipient", identity, "plain"],
        ["encrypt", "--passphrase-file", identity, "plain"],
        ["encrypt", "--passphrase-file", "key", "plain"],
        ["decrypt", "--identity", identity, "file.age"],
        ["decrypt", "--passphrase-file", "key", "file.age"],
        ["decrypt", "--identity", "key", identity],
        ["inspect", identity],
    ):
        result = folder.run(*arguments)
        assert result.status == 1
        assert identity[20:] not in result.out + result.err


def peak_kib(folder: Path, arguments: list[str], given: Iterator[bytes]) -> int:
    """Return the most memory that a command used, in KiB."""
    process = subprocess.Popen([*PROGRAM, *arguments], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin is not None
    with process.stdin:
        for piece in given:
            process.stdin.write(piece)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


def test_memory_does_not_grow_with_the_file(folder: Folder) -> None:
    def zeros(mebibytes: int) -> Iterator[bytes]:
        block = bytes(1 << 20)
        return (block for _ in range(mebibytes))

    encrypt = ["encrypt", "--recipient", folder.recipient]
    small, large = (peak_kib(folder.path, encrypt, zeros(size)) for size in (2, 200))
    assert large < small + 4096
    for size in (2, 200):
        folder.run(*encrypt, "-o", f"{size}.age", given=b"".join(zeros(size)))
    sealed = ((folder.path / f"{size}.age").read_bytes() for size in (2, 200))
    small, large = (peak_kib(folder.path, ["decrypt", "--identity", "key"], iter([data])) for data in sealed)
    assert large < small + 4096
