"""The chain notices every kind of change to an entry that is not at its end."""

import hashlib

import pytest

from nightdrop.audit.chain import GENESIS, Break, canonical, hash_entry, verify

Row = tuple[object, object, object, object]


def build(count: int) -> list[Row]:
    rows: list[Row] = []
    head = GENESIS
    for seq in range(1, count + 1):
        body = canonical({"event": "secret.read", "number": seq})
        digest = hash_entry(seq, head, body)
        rows.append((seq, head, body, digest))
        head = digest
    return rows


def flip(data: object, bit: int) -> bytes:
    assert isinstance(data, bytes)
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def test_the_format_is_the_documented_one():
    expected = hashlib.sha256(b"nightdrop/audit/v1\0" + (7).to_bytes(8, "big") + bytes(32) + b"{}").digest()
    assert hash_entry(7, GENESIS, b"{}") == expected


def test_an_empty_and_a_whole_chain_hold():
    assert verify([]).ok
    rows = build(20)
    result = verify(rows)
    assert (result.ok, result.entries, result.head) == (True, 20, rows[-1][3])


@pytest.mark.parametrize(("column", "reason"), [(1, Break.PREVIOUS), (2, Break.HASH), (3, Break.HASH)])
def test_every_changed_bit_is_located(column, reason):
    rows = build(3)
    original = rows[1][column]
    assert isinstance(original, bytes)
    for bit in range(len(original) * 8):
        changed = list(rows[1])
        changed[column] = flip(original, bit)
        result = verify([rows[0], tuple(changed), rows[2]])  # type: ignore[list-item]
        assert (result.broken_at, result.reason, result.entries, result.head) == (2, reason, 1, rows[0][3])


def test_removed_swapped_and_repeated_entries_break_it():
    rows = build(4)
    assert verify(rows[1:]).reason is Break.SEQUENCE
    assert verify([rows[0], rows[2], rows[3]]).broken_at == 2
    assert verify([rows[1], rows[0]]).reason is Break.SEQUENCE
    assert verify([rows[0], rows[0]]).reason is Break.SEQUENCE


def test_a_renumbered_entry_does_not_fit():
    rows = build(3)
    moved = (2, rows[0][3], rows[2][2], rows[2][3])
    assert verify([rows[0], moved]).reason is Break.HASH


def test_a_rewritten_tail_has_another_head():
    rows = build(3)
    body = canonical({"event": "forged"})
    forged = (3, rows[1][3], body, hash_entry(3, rows[1][3], body))  # type: ignore[arg-type]
    result = verify([*rows[:2], forged])
    assert result.ok
    assert result.head != verify(rows).head


@pytest.mark.parametrize("row", [("1", GENESIS, b"{}", b""), (1, None, b"{}", b""), (1, GENESIS, "{}", b"")])
def test_columns_of_a_wrong_type_are_a_break(row):
    assert verify([row]).reason is Break.SHAPE


def test_prev_of_another_length_is_refused():
    with pytest.raises(ValueError):
        hash_entry(1, GENESIS + b"x", b"{}")


def test_canonical_has_one_form():
    assert canonical({"b": 1, "a": "é"}) == b'{"a":"\\u00e9","b":1}'
    assert canonical({"a": "\ud800"}) == b'{"a":"\\ud800"}'
    assert canonical({"a": "é", "b": 1}) == canonical({"b": 1, "a": "é"})
    with pytest.raises(ValueError):
        canonical({"a": float("nan")})
