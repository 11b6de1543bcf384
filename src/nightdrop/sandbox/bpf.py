"""A tiny assembler for seccomp filters (classic BPF; see bpf(4) and seccomp(2)).

A filter is a list of blocks that each end in a return, so jumps never leave a block and 8-bit offsets are enough.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

KILL = 0x80000000
ALLOW = 0x7FFF0000
_ERRNO = 0x00050000

LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K

_PASS = -1
_FAIL = -2
_OFFSET_NUMBER = 0
_OFFSET_ARCH = 4
_LONGEST_JUMP = 255
_X32_BIT = 0x40000000
_INSTRUCTION = struct.Struct("<HBBI")

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def errno_action(number: int) -> int:
    """Return the filter action that fails a call with errno ``number``."""
    return _ERRNO | number


class Instruction(NamedTuple):
    """One BPF instruction; a negative jump is a label that the block resolves."""

    code: int
    k: int
    jt: int = 0
    jf: int = 0
    own_pid: bool = False


Check = tuple[Instruction, ...]


@dataclass(frozen=True)
class Rule:
    """A call that is allowed when all ``checks`` on its arguments pass, else ends in ``otherwise``."""

    checks: tuple[Check, ...]
    otherwise: int


@dataclass(frozen=True)
class Program:
    """An assembled filter; ``pid_slots`` are byte offsets of constants to replace by the confined process's id."""

    code: bytes
    pid_slots: tuple[int, ...]

    def bound_to(self, pid: int) -> bytearray:
        """Return the filter for process ``pid``."""
        code = bytearray(self.code)
        for slot in self.pid_slots:
            struct.pack_into("<I", code, slot, pid)
        return code


def _low(argument: int) -> Instruction:
    # Both architectures are little-endian: the low half of a 64-bit argument comes first.
    return Instruction(LOAD, 16 + 8 * argument)


def _high(argument: int) -> Instruction:
    return Instruction(LOAD, 16 + 8 * argument + 4)


def one_of(argument: int, values: Sequence[int]) -> Check:
    """Pass when the low 32 bits are one of ``values``: for arguments the kernel takes as an int."""
    tests = [Instruction(EQUAL, value, _PASS, 0) for value in values[:-1]]
    return (_low(argument), *tests, Instruction(EQUAL, values[-1], 0, _FAIL))


def zero(argument: int) -> Check:
    """Pass when all 64 bits are zero: for pointers."""
    return (_low(argument), Instruction(EQUAL, 0, 0, _FAIL), _high(argument), Instruction(EQUAL, 0, 0, _FAIL))


def no_bits(argument: int, mask: int) -> Check:
    """Pass when none of the bits in ``mask`` (low 32) is set."""
    return (_low(argument), Instruction(ANY_BIT, mask, _FAIL, 0))


def equals(argument: int, value: int, *, ignore: int = 0) -> Check:
    """Pass when the argument is ``value``, apart from the bits in ``ignore``, and its upper half is zero."""
    mask = Instruction(AND, 0xFFFFFFFF ^ ignore)
    upper = (_high(argument), Instruction(EQUAL, 0, 0, _FAIL))
    return (*upper, _low(argument), mask, Instruction(EQUAL, value, 0, _FAIL))


def unless(argument: int, value: int, check: Check) -> Check:
    """Pass when the low 32 bits are not ``value``; when they are, ``check`` decides."""
    return (_low(argument), Instruction(EQUAL, value, 0, _PASS), *check)


def own_pid(argument: int) -> Check:
    """Pass when the argument is the id of the confined process."""
    return (_low(argument), Instruction(EQUAL, 0, 0, _FAIL, own_pid=True))


def pair_in(first: int, second: int, allowed: Mapping[int, Sequence[int]]) -> Check:
    """Pass when argument ``second`` is one of those listed for the value of argument ``first``."""
    parts: list[Instruction] = []
    for key, values in allowed.items():
        tests = [Instruction(EQUAL, value, _PASS, 0) for value in values]
        inner = [_low(second), *tests]
        parts += [_low(first), Instruction(EQUAL, key, 0, len(inner)), *inner]
    # Falling off the last list is a failure: a comparison that cannot be decided differently.
    return (*parts, Instruction(AT_LEAST, 0, _FAIL, _FAIL))


def assemble(arch: str, decisions: Mapping[int, int], rules: Mapping[int, Rule], default: int = KILL) -> Program:
    """Build a filter.

    Args:
        arch: ``x86_64`` or ``aarch64``; any other architecture calling is killed.
        decisions: system call number -> action.
        rules: system call number -> rule on arguments.
        default: action for every other call.
    """
    code = _preamble(arch)
    for action in sorted(set(decisions.values()), reverse=True):
        code += _group(sorted(number for number, chosen in decisions.items() if chosen == action), action)
    for number, rule in sorted(rules.items()):
        body = _rule_body(rule)
        code += [Instruction(EQUAL, number, 0, _jump(len(body))), *body]
    code.append(Instruction(RETURN, default))
    packed = b"".join(_INSTRUCTION.pack(item.code, item.jt, item.jf, item.k) for item in code)
    slots = tuple(index * _INSTRUCTION.size + 4 for index, item in enumerate(code) if item.own_pid)
    return Program(packed, slots)


def _preamble(arch: str) -> list[Instruction]:
    # The architecture comes first: a number means another call under another ABI.
    code = [
        Instruction(LOAD, _OFFSET_ARCH),
        Instruction(EQUAL, AUDIT_ARCH[arch], 1, 0),
        Instruction(RETURN, KILL),
        Instruction(LOAD, _OFFSET_NUMBER),
    ]
    if arch == "x86_64":
        # x32 calls carry the same AUDIT_ARCH and this bit.
        code += [Instruction(AT_LEAST, _X32_BIT, 0, 1), Instruction(RETURN, KILL)]
    return code


def _group(numbers: list[int], action: int) -> list[Instruction]:
    count = len(numbers)
    last = count - 1
    tests = [
        Instruction(EQUAL, number, _jump(last - index), 1 if index == last else 0)
        for index, number in enumerate(numbers)
    ]
    return [*tests, Instruction(RETURN, action)]


def _rule_body(rule: Rule) -> list[Instruction]:
    body: list[Instruction] = []
    for check in rule.checks:
        for index, item in enumerate(check):
            to_end = len(check) - index - 1
            jt, jf = (to_end if jump == _PASS else jump for jump in (item.jt, item.jf))
            body.append(item._replace(jt=jt, jf=jf))
    length = len(body)
    for index, item in enumerate(body):
        to_fail = length - index  # over the rest of the body and the RETURN ALLOW
        jt, jf = (to_fail if jump == _FAIL else jump for jump in (item.jt, item.jf))
        body[index] = item._replace(jt=_jump(jt), jf=_jump(jf))
    return [*body, Instruction(RETURN, ALLOW), Instruction(RETURN, rule.otherwise)]


def _jump(distance: int) -> int:
    if not 0 <= distance <= _LONGEST_JUMP:
        raise ValueError("a filter block is longer than a jump")
    return distance
