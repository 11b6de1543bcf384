import os
import subprocess
import sys
from pathlib import Path

import pytest

from nightdrop.crypto.memory import wipe
from nightdrop.crypto.opening import wipe as wipe_of_opening
from nightdrop.crypto.sealing import seal_secret
from nightdrop.crypto.seeds import public_key_from_seed


@pytest.mark.parametrize("size", [0, 2, 65535, 65536, 65537, 200_000])
def test_wipe_zeroes_every_byte(size: int) -> None:
    for buffer in (bytearray(os.urandom(size)), os.urandom(size)):
        wipe(buffer)
        assert len(buffer) == size
        assert not any(buffer)


def test_wipe_through_a_view_reaches_only_its_part() -> None:
    buffer = bytearray(b"keep-wipe-keep")
    wipe(memoryview(buffer)[5:9])
    assert buffer == b"keep-\0\0\0\0-keep"


def test_wipe_leaves_shared_objects_of_the_interpreter_alone() -> None:
    wipe(b"x"[:1])
    wipe(b"")
    assert b"xyz"[:1].hex() == "78"


def test_opening_offers_the_same_wipe() -> None:
    assert wipe_of_opening is wipe


_OPENER = """
import os, sys
from nightdrop.crypto.opening import SitePrivateKey, open_secret, wipe

def dump(path):
    with open("/proc/self/maps") as maps:
        regions = [line.split()[:2] for line in maps if " rw" in line and "[v" not in line]
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    for span, _mode in regions:
        start, end = (int(part, 16) for part in span.split("-"))
        while start < end:
            part = os.pread(memory, end - start, start)
            start += len(part)
            os.write(out, part)

before, after = sys.argv[1:]
sealed = sys.stdin.buffer.read()
value, _ = open_secret(SitePrivateKey(bytes(range(32))), sealed, site_id="ste_a", epoch=1, name="n", revision=1)
if before:
    dump(before)
wipe(value)
dump(after)
"""


@pytest.mark.parametrize("size", [40, 5000, 200_000])
def test_no_copy_of_an_opened_value_stays_in_memory(tmp_path: Path, size: int) -> None:
    """A process that only ever saw the ciphertext writes down its own memory, before and after the wipe."""
    value = os.urandom(size // 2).hex().encode()
    public_key = public_key_from_seed(bytes(range(32)))
    sealed = seal_secret(public_key, site_id="ste_a", epoch=1, name="n", revision=1, value=value)
    before, after = tmp_path / "before", tmp_path / "after"
    # Two processes: the dump before the wipe makes copies of its own.
    for first in (str(before), ""):
        after.unlink(missing_ok=True)
        command = [sys.executable, "-c", _OPENER, first, str(after)]
        subprocess.run(command, input=sealed, check=True)
    pieces = [value[start : start + 20] for start in range(0, size - 20, max(1, size // 10))]
    assert all(piece in before.read_bytes() for piece in pieces)
    assert not any(piece in after.read_bytes() for piece in pieces)
