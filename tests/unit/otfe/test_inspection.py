"""What is said of a file without a key, from its header and its size."""

import json
from pathlib import Path
from typing import Any

import pytest

from nightdrop.core.errors import NightdropError
from nightdrop.otfe.inspection import Inspection, Inspector
from vectors.encrypted import file_of

VECTORS: dict[str, Any] = {
    vector["id"]: vector for vector in json.loads((Path(__file__).parents[2] / "vectors" / "otfe.json").read_bytes())
}


def inspected(name: str, step: int = 1000) -> Inspection:
    data, inspector = file_of(VECTORS[name], VECTORS), Inspector()
    for start in range(0, len(data), step):
        inspector.update(data[start : start + step])
    return inspector.finish()


@pytest.mark.parametrize("step", [1, 1000, 10**6])
@pytest.mark.parametrize(
    ("name", "kinds", "factor", "post_quantum"),
    [
        ("empty", ("X25519",), None, False),
        ("two-recipients", ("X25519", "X25519"), None, False),
        ("post-quantum", ("mlkem768x25519",), None, True),
        ("passphrase", ("scrypt",), 10, True),
    ],
)
def test_good_files(name: str, kinds: tuple[str, ...], factor: int | None, post_quantum: bool, step: int) -> None:
    found = inspected(name, step)
    assert (found.recipients, found.work_factor, found.post_quantum) == (kinds, factor, post_quantum)
    assert found.content_bytes == VECTORS[name]["bytes"]
    assert found.encrypted_bytes == len(file_of(VECTORS[name], VECTORS))


@pytest.mark.parametrize(
    "name", ["cut-in-the-last-chunk", "payload-missing", "nonce-missing", "payload-shorter-than-a-tag"]
)
def test_a_size_that_no_file_has(name: str) -> None:
    assert inspected(name).content_bytes is None


@pytest.mark.parametrize(
    "name", ["nothing", "plain", "text-form", "version-2", "first-line-only", "no-stanza", "passphrase-and-recipient"]
)
def test_bad_headers(name: str) -> None:
    with pytest.raises(NightdropError) as caught:
        inspected(name)
    assert caught.value.code == VECTORS[name]["failure"]
