"""Signatures against the worked examples of Amazon's documentation, and against the vendor's own library.

The examples are those of "Amazon S3 API Reference", "Signature Calculations for the Authorization Header:
Transferring Payload in a Single Chunk (AWS Signature Version 4)".
"""

from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from nightdrop.syncjs.remotes import s3sign

KEY = s3sign.S3Key("AKIAIOSFODNN7EXAMPLE", "us-east-1", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "examplebucket.s3.amazonaws.com"
EMPTY = s3sign.digest(b"")


@pytest.mark.parametrize(
    ("method", "path", "pairs", "headers", "body", "signature"),
    [
        (
            "GET",
            "/test.txt",
            {},
            {"Range": "bytes=0-9"},
            b"",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test$file.text",
            {},
            {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        ("GET", "/", {"lifecycle": ""}, {}, b"", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "GET",
            "/",
            {"max-keys": "2", "prefix": "J"},
            {},
            b"",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_examples_of_the_documentation(
    method: str, path: str, pairs: dict[str, str], headers: dict[str, str], body: bytes, signature: str
) -> None:
    signed = s3sign.sign(
        KEY,
        method,
        s3sign.encoded(path, "/"),
        s3sign.query(pairs),
        {"Host": HOST, **headers},
        s3sign.digest(body),
        NOW,
    )
    assert signed["Authorization"].rpartition("Signature=")[2] == signature


@given(
    key=st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()),
    pairs=st.dictionaries(st.text("abc-/+ %ü", min_size=1, max_size=5), st.text("abc-/+ =&%ü", max_size=8), max_size=4),
    token=st.sampled_from(["", "IQoJb3JpZ2luX2VjEXAMPLE=="]),
    payload=st.sampled_from([s3sign.UNSIGNED, EMPTY]),
)
def test_the_vendors_library_signs_the_same(key: str, pairs: dict[str, str], token: str, payload: str) -> None:
    path = "/" + s3sign.encoded(key, "/")
    mine = s3sign.sign(
        s3sign.S3Key(KEY.ident, KEY.region, KEY.secret, token),
        "PUT",
        path,
        s3sign.query(pairs),
        {"Host": HOST},
        payload,
        NOW,
    )
    theirs = S3SigV4Auth(Credentials(KEY.ident, KEY.secret, token or None), "s3", KEY.region)
    request = AWSRequest("PUT", f"https://{HOST}{path}", params=pairs, headers={})
    for name, value in mine.items():
        if name not in ("Authorization", "Host"):
            request.headers[name] = value
    request.context["timestamp"] = mine["x-amz-date"]
    to_sign = theirs.string_to_sign(request, theirs.canonical_request(request))
    assert mine["Authorization"].rpartition("Signature=")[2] == theirs.signature(to_sign, request)


def test_a_key_does_not_show_its_secret() -> None:
    assert "wJalr" not in repr(KEY)
