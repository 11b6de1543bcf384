"""moto's S3 server, that checks signatures and permissions, on a free port of 127.0.0.1."""

import json
import os
import ssl
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import trustme
from botocore.config import Config

from ftp_server import certificate
from object_view import ObjectView
from ssh_server import answers, free_port
from support import wait_until

REGION = "eu-central-1"
BUCKET = "nightly-files"


@dataclass
class S3Server:
    folder: Path
    port: int
    key: str
    secret: str
    process: subprocess.Popen[bytes]
    authority: Path | None = None

    @property
    def endpoint(self) -> str:
        return f"{'https' if self.authority else 'http'}://127.0.0.1:{self.port}"

    def fields(self, **more: Any) -> dict[str, Any]:
        return {
            "Endpoint": self.endpoint,
            "Region": REGION,
            "Bucket": BUCKET,
            "APIKeyID": self.key,
            "APIKeySecret": self.secret,
            "PathStyle": True,
            **more,
        }

    def api(self, service: str = "s3") -> Any:
        """A client of the vendor's own library, to look at the server past ours."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            verify=str(self.authority) if self.authority else None,
            config=Config(s3={"addressing_style": "path"}, proxies={}),
        )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Bucket(ObjectView):
    """What is in a bucket."""

    def __init__(self, server: S3Server, name: str = BUCKET) -> None:
        self.api = server.api()
        self.name = name

    def write(self, key: str, data: bytes, mtime: float | None) -> None:
        metadata = {} if mtime is None else {"mtime": str(mtime)}
        self.api.put_object(Bucket=self.name, Key=key, Body=data, Metadata=metadata)

    def fetch(self, key: str) -> bytes:
        return self.api.get_object(Bucket=self.name, Key=key)["Body"].read()

    def time(self, key: str) -> float:
        found = self.api.head_object(Bucket=self.name, Key=key)
        return float(found["Metadata"].get("mtime") or found["LastModified"].timestamp())

    def keys(self, prefix: str) -> list[str]:
        pages = self.api.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def unfinished(self) -> list[str]:
        """Return the keys of multipart uploads that nobody ended."""
        return [each["Key"] for each in self.api.list_multipart_uploads(Bucket=self.name).get("Uploads", [])]


def start(folder: Path, authority: trustme.CA | None = None) -> S3Server:
    """Start a server with one bucket, and one user who may do everything; with an authority it speaks TLS."""
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    trusted = None
    if authority:
        chain, key = certificate(folder, authority)
        command += ["-c", str(chain), "-k", str(key)]
        trusted = folder / "authority.pem"
        authority.cert_pem.write_to_path(trusted)
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    server = S3Server(folder, port, "first", "first", process, trusted)
    wait_until(lambda: answers(port) or process.poll() is not None, "moto answers", 60)
    assert process.poll() is None, (folder / "output").read_text()
    try:
        server.api().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        users = server.api("iam")
        users.create_user(UserName="script")
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        users.put_user_policy(UserName="script", PolicyName="all", PolicyDocument=json.dumps(everything))
        made = users.create_access_key(UserName="script")["AccessKey"]
        server.key, server.secret = made["AccessKeyId"], made["SecretAccessKey"]
        # From now on every request has to be signed.
        strict = urllib.request.Request(
            f"{server.endpoint}/moto-api/reset-auth", b"0", {"Content-Type": "application/octet-stream"}
        )
        with urllib.request.urlopen(strict, context=ssl.create_default_context(cafile=trusted)):
            pass
    except BaseException:
        server.stop()
        raise
    return server
