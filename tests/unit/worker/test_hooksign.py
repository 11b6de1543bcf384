"""Signatures of webhook requests: published examples, every form, and whatever is not quite one."""

import base64
import hashlib
import hmac

import pytest

from nightdrop.worker.hooksign import is_signed, signing_secret

# The example in GitHub's documentation, "Validating webhook deliveries".
KEY, BODY = "It's a Secret to Everybody", "Hello, World!"
HEX = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def params(signature, body=BODY, header="X-Hub-Signature-256", **more):
    request = {"Headers": {header.lower(): signature}, "Body": body, **more}
    return {"Request": {**request, "Signature": {"Secret": "hub", "Header": header}}}


@pytest.mark.parametrize(
    "signature", [f"sha256={HEX}", HEX, HEX.upper(), f" {HEX} ", base64.b64encode(bytes.fromhex(HEX)).decode()]
)
def test_every_form_of_the_published_example(signature):
    assert is_signed(params(signature), KEY)
    assert is_signed(params(signature, header="X-Other"), KEY)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        f"sha1={HEX}",
        HEX[:-1],
        HEX[:-1] + "8",
        HEX[:-2],
        "g" * 64,
        "ü" * 64,
        "=",
        "sha256=sha256=" + HEX,
        "0" * 64,
    ],
)
def test_what_is_not_quite_one(signature):
    assert not is_signed(params(signature), KEY)


def test_another_key_or_body_or_none():
    assert not is_signed(params(HEX), KEY + "x")
    assert not is_signed(params(HEX, BODY + "x"), KEY)
    # What anybody can compute must not count when the secret has no value.
    empty = hmac.digest(b"", BODY.encode(), hashlib.sha256).hex()
    assert not is_signed(params(empty), "")
    assert not is_signed({"Request": {"Headers": {}, "Body": BODY, "Signature": {"Secret": "hub", "Header": "X"}}}, KEY)


def test_bytes_and_other_scripts_are_signed_as_they_came():
    raw = bytes(range(256))
    signature = hmac.digest(KEY.encode(), raw, hashlib.sha256).hex()
    assert is_signed(params(signature, None, BodyBase64=base64.b64encode(raw).decode()), KEY)
    text = "größe\r\n"
    assert is_signed(params(hmac.digest(KEY.encode(), text.encode(), hashlib.sha256).hex(), text), KEY)


@pytest.mark.parametrize("given", [{}, {"Request": "x"}, {"Request": {}}, {"Request": {"Signature": None}}])
def test_other_runs_need_none(given):
    assert signing_secret(given) is None
    assert signing_secret(params("")) == "hub"
