"""A small and strict server for the part of Google Cloud Storage's JSON API that a client of files needs. Google's own
client works with it: see test_gcs_judge.py.

The emulators that can be installed take neither tokens nor keys that end with a slash, give listings without pages,
and do not hold uploads to the protocol. This one does: a token only for a claim that is signed right, listings in
pages, uploads in pieces of 256 KiB, copies in several steps.
"""

import base64
import json
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import trustme
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ftp_server import certificate
from object_view import ObjectView

BUCKET = "nightly-files"
EMAIL = "script@project.example"
GRANULE = 256 * 1024
# How much of an object one request copies.
COPY_STEP = 4 * 1024 * 1024


@dataclass
class Blob:
    data: bytes
    generation: int
    metadata: dict[str, str]
    updated: str


@dataclass
class Session:
    name: str
    metadata: dict[str, str]
    data: bytearray = field(default_factory=bytearray)


@dataclass
class GcsServer:
    port: int
    key: rsa.RSAPrivateKey
    listener: ThreadingHTTPServer
    thread: threading.Thread | None = None
    blobs: dict[str, Blob] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    generation: int = 1_000
    # What of the next pieces is kept; None is all.
    keeps: list[int | None] = field(default_factory=list)
    # Statuses that the next pieces of an upload get, after they were kept.
    fails: list[int] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def endpoint(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def credentials(self, **more: str) -> str:
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        return json.dumps(
            {
                "type": "service_account",
                "client_email": EMAIL,
                "private_key_id": "key-1",
                "private_key": pem,
                "token_uri": f"{self.endpoint}/token",
                **more,
            }
        )

    def fields(self, **more: Any) -> dict[str, Any]:
        return {"Endpoint": self.endpoint, "Bucket": BUCKET, "Credentials": self.credentials(), **more}

    def store(self, name: str, data: bytes, metadata: dict[str, str]) -> Blob:
        with self.lock:
            self.generation += 1
            self.blobs[name] = Blob(data, self.generation, metadata, datetime.now(UTC).isoformat())
            return self.blobs[name]

    def stop(self) -> None:
        self.listener.shutdown()
        self.listener.server_close()
        assert self.thread
        self.thread.join()


class Objects(ObjectView):
    """What is in the bucket."""

    def __init__(self, server: GcsServer) -> None:
        self.server = server

    def write(self, key: str, data: bytes, mtime: float | None) -> None:
        when = {} if mtime is None else {"mtime": datetime.fromtimestamp(mtime, UTC).isoformat()}
        self.server.store(key, data, when)

    def fetch(self, key: str) -> bytes:
        return self.server.blobs[key].data

    def time(self, key: str) -> float:
        blob = self.server.blobs[key]
        return datetime.fromisoformat(blob.metadata.get("mtime") or blob.updated).timestamp()

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.server.blobs if key.startswith(prefix))


class RefusedError(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    gcs: GcsServer

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def json(self, content: Any) -> None:
        self.answer(200, json.dumps(content).encode(), Content_Type="application/json")

    def serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        try:
            with self.gcs.lock:
                self.route(url.path)
        except RefusedError as exc:
            error = {"error": {"code": exc.status, "errors": [{"reason": exc.reason}]}}
            self.answer(exc.status, json.dumps(error).encode())

    do_GET = do_PUT = do_POST = do_DELETE = serve  # noqa: N815 - the names that the base class calls

    def route(self, path: str) -> None:
        if path == "/token" and self.command == "POST":
            return self.token()
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or token not in self.gcs.tokens:
            raise RefusedError(401, "authError")
        match = re.fullmatch(
            r"(/upload|/download)?/storage/v1/b/([^/]+)/o(?:/([^/]+))?(?:/rewriteTo/b/([^/]+)/o/([^/]+))?", path
        )
        if not match or unquote(match[2]) != BUCKET or (match[4] and unquote(match[4]) != BUCKET):
            raise RefusedError(404, "notFound")
        if match[1] == "/upload":
            return self.upload()
        if match[5]:
            return self.rewrite(unquote(match[3]), unquote(match[5]))
        return self.object(unquote(match[3])) if match[3] else self.list()

    def token(self) -> None:
        form = dict(parse_qsl(self.body.decode(), strict_parsing=True))
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        signed, _, signature = form["assertion"].rpartition(".")
        header, claims = (json.loads(decoded(part)) for part in signed.split("."))
        try:
            self.gcs.key.public_key().verify(decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
            assert header == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
            assert claims["iss"] == EMAIL
            # Google's client names Google whatever its credentials say.
            assert claims["aud"] in {f"{self.gcs.endpoint}/token", "https://oauth2.googleapis.com/token"}
            assert "https://www.googleapis.com/auth/devstorage.read_write" in claims["scope"].split()
            assert abs(claims["iat"] - time.time()) < 60
            assert claims["exp"] - claims["iat"] == 3600
        except Exception:
            return self.answer(400, b'{"error": "invalid_grant", "error_description": "no"}')
        token = f"ya29.{len(self.gcs.tokens)}-issued"
        self.gcs.tokens.add(token)
        return self.json({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def list(self) -> None:
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        found: dict[str, Blob | None] = {}
        for name in sorted(self.gcs.blobs):
            if name.startswith(prefix):
                head, slash, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
                found[prefix + head + slash if slash else name] = None if slash else self.gcs.blobs[name]
        names = [name for name in found if name > self.query.get("pageToken", "")]
        page = names[: min(int(self.query.get("maxResults", 1000)), 1000)]
        answer: dict[str, Any] = {"prefixes": [name for name in page if found[name] is None]}
        answer["items"] = [resource(name, blob) for name in page if (blob := found[name])]
        if len(page) < len(names):
            answer["nextPageToken"] = page[-1]
        self.json({name: value for name, value in answer.items() if value})

    def object(self, name: str) -> None:
        blob = self.gcs.blobs.get(name)
        if blob is None:
            raise RefusedError(404, "notFound")
        if self.query.get("ifGenerationMatch", str(blob.generation)) != str(blob.generation):
            raise RefusedError(412, "conditionNotMet")
        if self.command == "DELETE":
            del self.gcs.blobs[name]
            self.answer(204)
        elif self.query.get("alt") == "media":
            start = re.fullmatch(r"bytes=(\d+)-(\d+)?", self.headers.get("Range", ""))
            end = int(start[2]) + 1 if start and start[2] else None
            data = blob.data[int(start[1]) : end] if start else blob.data
            headers = {"x_goog_generation": str(blob.generation)}
            if start:
                first = int(start[1])
                headers["Content_Range"] = f"bytes {first}-{first + len(data) - 1}/{len(blob.data)}"
            self.answer(206 if start else 200, data, **headers)
        else:
            self.json(resource(name, blob))

    def rewrite(self, old: str, new: str) -> None:
        blob = self.gcs.blobs.get(old)
        if blob is None:
            raise RefusedError(404, "notFound")
        if self.query.get("ifSourceGenerationMatch", str(blob.generation)) != str(blob.generation):
            raise RefusedError(412, "conditionNotMet")
        done = int(self.query.get("rewriteToken", "at-0")[3:]) + COPY_STEP
        size = len(blob.data)
        so_far = {"totalBytesRewritten": str(min(done, size)), "objectSize": str(size), "done": done >= size}
        if done < size:
            return self.json({**so_far, "rewriteToken": f"at-{done}"})
        copied = self.gcs.store(new, blob.data, dict(blob.metadata))
        return self.json({**so_far, "resource": resource(new, copied)})

    def upload(self) -> None:
        if "upload_id" in self.query:
            return self.piece(self.query["upload_id"])
        if self.query["uploadType"] == "multipart":
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            message = BytesParser(policy=HTTP).parsebytes(head + self.body)
            about, data = message.iter_parts()
            given = json.loads(about.get_payload(decode=True))
            border = message.get_boundary().encode()
            content = self.body.split(b"--" + border)[2].partition(b"\r\n\r\n")[2][:-2]
            assert data.get_content_type()
            blob = self.gcs.store(given["name"], content, given.get("metadata", {}))
            return self.json(resource(given["name"], blob))
        assert self.query["uploadType"] == "resumable"
        given = json.loads(self.body)
        ident = f"session-{len(self.gcs.sessions)}"
        self.gcs.sessions[ident] = Session(given["name"], given.get("metadata", {}))
        return self.answer(200, Location=f"{self.gcs.endpoint}{self.path}&upload_id={ident}")

    def piece(self, ident: str) -> None:
        session = self.gcs.sessions.get(ident)
        if session is None:
            raise RefusedError(404, "notFound")
        if self.command == "DELETE":
            del self.gcs.sessions[ident]
            return self.answer(499)
        where = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", self.headers["Content-Range"])
        assert where
        if where[1]:
            self.take(session, int(where[1]), int(where[2]), where[3])
        if self.gcs.fails and where[1]:
            raise RefusedError(self.gcs.fails.pop(0), "backendError")
        if where[3] != "*" and len(session.data) == int(where[3]):
            blob = self.gcs.store(session.name, bytes(session.data), session.metadata)
            del self.gcs.sessions[ident]
            return self.json(resource(session.name, blob))
        received = {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {}
        return self.answer(308, **received)

    def take(self, session: Session, start: int, end: int, total: str) -> None:
        if start != len(session.data) or len(self.body) != end - start + 1:
            raise RefusedError(400, "invalid")
        if total == "*" and len(self.body) % GRANULE:
            raise RefusedError(400, "invalid")
        kept = self.gcs.keeps.pop(0) if self.gcs.keeps else None
        session.data += self.body[:kept]


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def resource(name: str, blob: Blob) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "size": str(len(blob.data)),
        "updated": blob.updated,
        "generation": str(blob.generation),
    }
    return found | ({"metadata": blob.metadata} if blob.metadata else {})


def start(folder: Path, authority: trustme.CA) -> GcsServer:
    """Start a server with one bucket and one service account; it speaks TLS only."""
    handler = type("GcsHandler", (Handler,), {})
    listener = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder, authority))
    listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    server = GcsServer(listener.server_address[1], rsa.generate_private_key(65537, 2048), listener)
    handler.gcs = server  # type: ignore[attr-defined] # the class is made for this server
    server.thread = threading.Thread(target=lambda: listener.serve_forever(poll_interval=0.01))
    server.thread.start()
    return server
