"""The number tables against the kernel's headers where they are installed, and against what never changes."""

import os
import re
from pathlib import Path

import pytest

from nightdrop.sandbox.syscalls import ARCH, NUMBERS, number

_X86_HEADERS = ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h")
_GENERIC_HEADERS = ("/usr/include/asm-generic/unistd.h",)
# What a generic header calls otherwise on 64-bit machines.
_GENERIC_NAMES = {"fstatat": "newfstatat"}


def numbers_in(paths: tuple[str, ...]) -> dict[str, int]:
    text = "".join(Path(path).read_text() for path in paths[:1] if Path(path).exists()) or "".join(
        Path(path).read_text() for path in paths if Path(path).exists()
    )
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)
    return {_GENERIC_NAMES.get(name, name): int(value) for name, value in found}


@pytest.mark.parametrize(
    ("arch", "headers", "known"),
    [
        # three numbers that are ABI: the check has something to compare also where no headers are installed
        ("x86_64", _X86_HEADERS, {"read": 0, "execve": 59, "landlock_restrict_self": 446}),
        ("aarch64", _GENERIC_HEADERS, {"read": 63, "execve": 221, "landlock_restrict_self": 446}),
    ],
)
def test_the_table_is_the_kernels(arch, headers, known):
    expected = known | numbers_in(headers)
    ours = NUMBERS[arch]
    assert {name: ours[name] for name in ours if name in expected} == {
        name: expected[name] for name in ours if name in expected
    }
    assert set(known) <= set(ours)


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_no_number_stands_twice(arch):
    assert len(set(NUMBERS[arch].values())) == len(NUMBERS[arch])


def test_calls_after_the_common_point_agree():
    # from 424 on all architectures share one numbering
    for name, value in NUMBERS["x86_64"].items():
        if value >= 424:
            assert NUMBERS["aarch64"][name] == value


def test_this_machine_is_one_of_the_two():
    assert os.uname().machine == ARCH
    assert number("getpid") in {39, 172}


def test_an_unknown_call_is_an_oserror():
    with pytest.raises(OSError, match="no table"):
        number("no_such_call")
