"""Every stored file and key gives what it says: today's code opens yesterday's files and refuses what was refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from nightdrop.core.errors import NightdropError
from nightdrop.otfe.keys import parse_key
from nightdrop.otfe.scrypt import Passphrase
from vectors.encrypted import content_of, file_of

VECTORS = Path(__file__).parents[2] / "vectors"
Vector = dict[str, Any]


def read(file: str) -> dict[str, Vector]:
    return {vector["id"]: vector for vector in json.loads((VECTORS / file).read_bytes())}


FILES, KEYS = read("otfe.json"), read("otfe_keys.json")


def opened(vector: Vector, step: int) -> bytes:
    decryptor = parse_key(vector["key"]).decryptor()
    data = file_of(vector, FILES)
    content = b"".join(decryptor.update(data[start : start + step]) for start in range(0, len(data), step))
    return content + decryptor.finish()


@pytest.mark.parametrize("step", [1000, 10**6])
@pytest.mark.parametrize("vector", [pytest.param(vector, id=name) for name, vector in FILES.items()])
def test_file(vector: Vector, step: int) -> None:
    if vector["failure"] is None:
        assert opened(vector, step) == content_of(vector)
        return
    with pytest.raises(NightdropError) as caught:
        opened(vector, step)
    assert caught.value.code == vector["failure"]


@pytest.mark.parametrize("vector", [pytest.param(vector, id=name) for name, vector in KEYS.items()])
def test_key(vector: Vector) -> None:
    if vector["failure"] is None:
        key = parse_key(vector["key"])
        shown = ["passphrase" if isinstance(one, Passphrase) else str(one) for one in key.recipients]
        assert (shown, len(key.identities)) == (vector["recipients"], vector["identities"])
        return
    with pytest.raises(NightdropError) as caught:
        parse_key(vector["key"])
    assert caught.value.code == vector["failure"]
    # No error repeats what it was given.
    words = [word for word in vector["key"].split() if len(word) > 3]
    assert not [word for word in words if word in caught.value.message + caught.value.hint + repr(caught.value)]
