"""Where a bucket of S3 is, and who asks: the fields of a client, checked."""

import re
from dataclasses import replace

from nightdrop.syncjs.remotes.port import RemoteError
from nightdrop.syncjs.remotes.s3 import S3Place
from nightdrop.syncjs.remotes.s3sign import S3Key
from nightdrop.syncjs.remotes.web import Origin, parse_origin

_REGION = re.compile(r"[a-z0-9-]{1,64}")
# Older buckets have longer names and capital letters; such a name goes into the path.
_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")
_HOST_LABEL = re.compile(r"[a-z0-9-]{3,63}")


def find(endpoint: str, region: str, bucket: str, *, in_path: bool) -> S3Place:
    """Return where requests go.

    Raises:
        RemoteError: a field is missing or wrong.
    """
    if not _BUCKET.fullmatch(bucket) or bucket.startswith("."):
        raise RemoteError("connect", "Bucket is not the name of a bucket" if bucket else "Bucket is not set")
    if not _REGION.fullmatch(region):
        raise RemoteError("connect", "Region is not the name of a region")
    origin = parse_origin(endpoint, "Endpoint") if endpoint else _amazon(region)
    # A certificate for *.host does not cover names with dots, and a number has no host below it.
    in_path = in_path or not _HOST_LABEL.fullmatch(bucket) or _is_address(origin.host)
    return S3Place(origin if in_path else replace(origin, host=f"{bucket}.{origin.host}"), bucket, in_path)


def key(ident: str, region: str, secret: str, token: str) -> S3Key:
    """Return the access key.

    Raises:
        RemoteError: a part is missing, or cannot be sent.
    """
    for name, value in (("APIKeyID", ident), ("APIKeySecret", secret)):
        if not value:
            raise RemoteError("connect", f"{name} is not set")
    for name, value in (("APIKeyID", ident), ("SessionToken", token)):
        if not re.fullmatch(r"[!-~]*", value):
            raise RemoteError("connect", f"{name} holds characters that no key has")
    return S3Key(ident, region, secret, token)


def _amazon(region: str) -> Origin:
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return Origin(f"s3.{region}.{suffix}", 443, secure=True)


def _is_address(host: str) -> bool:
    return ":" in host or bool(re.fullmatch(r"[0-9.]+", host))
