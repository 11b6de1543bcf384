"""Every stored vector gives what it says: today's code opens yesterday's data and refuses what was refused."""

import hashlib
import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from nightdrop.crypto import identity, info, seeds
from nightdrop.crypto.opening import OpenError, SitePrivateKey, open_secret, open_seed
from nightdrop.crypto.policy import Policy, PolicyInvalidError
from nightdrop.crypto.recipients import recipients_signed
from nightdrop.crypto.record import RecordError, decode_record, encode_record
from nightdrop.crypto.suite import SUITE
from nightdrop.crypto.value import PlaceholderValueError, refuse_placeholder
from nightdrop.keys.printed import PrintedSeedError, parse_seed

VECTORS = Path(__file__).parents[2] / "vectors"
Vector = dict[str, Any]


def load(file: str) -> list[Any]:
    return [pytest.param(vector, id=vector["id"]) for vector in json.loads((VECTORS / file).read_bytes())]


def unbase(text: str) -> bytes:
    import base64

    return base64.b64decode(text, validate=True)


def policy_of(fields: Vector) -> Policy:
    return Policy(**{key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()})


@pytest.mark.parametrize("vector", load("xwing.json"))
def test_xwing(vector: Vector) -> None:
    assert seeds.public_key_from_seed(bytes.fromhex(vector["seed"])).hex() == vector["public_key"]


def test_xwing_agrees_with_the_draft() -> None:
    # draft-connolly-cfrg-xwing-kem, appendix C, first vector: both ends of its public key.
    draft = json.loads((VECTORS / "xwing.json").read_bytes())[0]["public_key"]
    assert draft.startswith("e2236b35a8c24b39b10aa1323a96a919")
    assert draft.endswith("c8cd049040ef6534")


@pytest.mark.parametrize("vector", load("info.json"))
def test_info(vector: Vector) -> None:
    if vector["of"] == "secret":
        fields = {key: vector[key] for key in ("site_id", "epoch", "name", "revision")}
        made = info.secret_info(SUITE, **fields)
    else:
        recipient = bytes.fromhex(vector["recipient"])
        made = info.seed_info(SUITE, vector["purpose"], vector["subject"], vector["epoch"], recipient)
    assert made.hex() == vector["info"]


@pytest.mark.parametrize("vector", load("policies.json"))
def test_policy(vector: Vector) -> None:
    encoded = bytes.fromhex(vector["encoded"])
    if vector["failure"]:
        with pytest.raises(PolicyInvalidError):
            Policy.decode(encoded)
        return
    assert Policy.decode(encoded) == policy_of(vector["policy"])
    assert policy_of(vector["policy"]).encode() == encoded


@pytest.mark.parametrize("vector", load("records.json"))
def test_record(vector: Vector) -> None:
    if vector["failure"]:
        with pytest.raises(RecordError) as caught:
            decode_record(bytes.fromhex(vector["record"]))
        assert caught.value.failure == vector["failure"]
        return
    text, times = vector["text_repeat"]
    value, policy = (text * times).encode(), policy_of(vector["policy"])
    record = encode_record(value, policy)
    if "record" in vector:
        assert record.hex() == vector["record"]
    else:
        assert hashlib.sha256(record).hexdigest() == vector["sha256"]
    assert decode_record(record) == (value, policy)


@pytest.mark.parametrize("vector", load("placeholders.json"))
def test_placeholder(vector: Vector) -> None:
    value = vector["text"].encode()
    with pytest.raises(PlaceholderValueError) if vector["failure"] else nullcontext():
        refuse_placeholder(value)


@pytest.mark.parametrize("vector", load("secrets.json"))
def test_secret(vector: Vector) -> None:
    key = SitePrivateKey(bytes.fromhex(vector["seed"]))
    fields = {name: vector[name] for name in ("site_id", "epoch", "name", "revision")}
    if vector["failure"]:
        with pytest.raises(OpenError) as caught:
            open_secret(key, unbase(vector["sealed"]), **fields)
        assert caught.value.failure == vector["failure"]
        return
    value, policy = open_secret(key, unbase(vector["sealed"]), **fields)
    assert value.hex() == vector["value"]
    assert policy == policy_of(vector["policy"])


@pytest.mark.parametrize("vector", load("seeds.json"))
def test_seed(vector: Vector) -> None:
    private = bytes.fromhex(vector["private_seed"])
    fields = {name: vector[name] for name in ("purpose", "subject", "epoch")}
    if vector["failure"]:
        with pytest.raises(OpenError) as caught:
            open_seed(private, unbase(vector["sealed"]), **fields)
        assert caught.value.failure == vector["failure"]
        return
    assert open_seed(private, unbase(vector["sealed"]), **fields).reveal().hex() == vector["seed"]


@pytest.mark.parametrize("vector", load("site_keys.json"))
def test_site_key(vector: Vector) -> None:
    signed = (vector["site_id"], vector["epoch"], vector["suite"], bytes.fromhex(vector["public_key"]))
    public, signature = bytes.fromhex(vector["identity"]), bytes.fromhex(vector["signature"])
    if vector["failure"]:
        with pytest.raises(identity.SiteKeyForgedError):
            identity.verify_site_key(public, signature, *signed)
        return
    identity.verify_site_key(public, signature, *signed)
    private = bytes.fromhex(vector["identity_seed"])
    assert identity.identity_public(private) == public
    assert identity.sign_site_key(private, *signed) == signature
    assert identity.fingerprint(bytes.fromhex(vector["public_key"])) == vector["key_id"]


@pytest.mark.parametrize("vector", load("printed.json"))
def test_printed(vector: Vector) -> None:
    text = vector["text"].encode()
    if vector["failure"]:
        with pytest.raises(PrintedSeedError) as caught:
            parse_seed(vector["label"], text)
        assert caught.value.problem == vector["failure"]
        return
    assert parse_seed(vector["label"], text).reveal().hex() == vector["seed"]


@pytest.mark.parametrize("vector", load("recipients.json"))
def test_recipients(vector: Vector) -> None:
    listed = [(kind, bytes.fromhex(key)) for kind, key in vector["recipients"]]
    public, signature = bytes.fromhex(vector["identity"]), bytes.fromhex(vector["signature"])
    assert recipients_signed(public, signature, listed) is (vector["failure"] is None)


def test_the_generator_makes_the_stored_files() -> None:
    command = [sys.executable, str(VECTORS / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
