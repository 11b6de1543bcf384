"""Every later version must judge these chains as this one does."""

import json
from pathlib import Path

import pytest

from nightdrop.audit.chain import verify

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "audit_chain.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vector(vector):
    rows = [(seq, bytes.fromhex(prev), body.encode(), bytes.fromhex(end)) for seq, prev, body, end in vector["entries"]]
    result = verify(rows)
    assert result.reason == vector["failure"]
    assert result.broken_at == vector["broken_at"]
    assert (result.entries, result.head.hex()) == (vector["holds"], vector["head"])


def test_there_are_good_and_bad_ones():
    assert {vector["failure"] for vector in VECTORS} == {None, "sequence", "previous", "hash"}
