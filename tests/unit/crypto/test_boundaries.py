"""What may know how to open, and whether the page of formats says what the code does."""

import subprocess
import sys
from pathlib import Path

import pytest

from nightdrop.crypto import identity, info, record, sealing, seeds
from nightdrop.crypto.failure import Failure
from nightdrop.crypto.opening import OpenError
from nightdrop.crypto.suite import SUITE, SUITE_NUMBERS, require_support
from nightdrop.keys.custody_file import NODE_KEY_LABEL
from nightdrop.keys.recovery import RECOVERY_LABEL

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text()


def test_sealing_and_keys_do_not_bring_the_opening_half() -> None:
    program = (
        "import sys\n"
        "from nightdrop.crypto import identity, sealing, seeds\n"
        "from nightdrop.keys import bootstrap, custody_file, pins, recovery, site_keys\n"
        "assert 'nightdrop.crypto.sealing' in sys.modules\n"
        "assert 'nightdrop.crypto.opening' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_this_build_has_the_algorithms() -> None:
    require_support()


@pytest.mark.parametrize(
    "label", [info.SECRET_CONTEXT, info.SEED_CONTEXT, identity.SITE_KEY_LABEL, b"nightdrop/printed-seed/v1"]
)
def test_the_page_has_every_label(label: bytes) -> None:
    assert f'lp("{label.decode()}")' in PAGE


@pytest.mark.parametrize("failure", list(Failure))
def test_the_page_has_every_failure(failure: Failure) -> None:
    assert f"| `{failure}` |" in PAGE
    assert OpenError(failure).failure is failure


def test_the_page_has_the_numbers() -> None:
    numbers = SUITE_NUMBERS.hex()
    assert f"`{numbers[:4]} {numbers[4:8]} {numbers[8:]}`" in PAGE
    assert f"`{SUITE}`" in PAGE
    assert f"{sealing.MIN_SEALED_BYTES} bytes at least" in PAGE
    assert f"{sealing.MIN_SEALED_BYTES - record.PAD_STEP} more than the record" in PAGE
    assert f"together {seeds.SEALED_SEED_BYTES} bytes" in PAGE
    assert f"1 to {sealing.MAX_VALUE_BYTES} |" in PAGE
    assert f"{RECOVERY_LABEL}-XXXX" in PAGE
    assert f"`{NODE_KEY_LABEL}`" in PAGE
