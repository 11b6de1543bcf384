"""The servers of the contract suite of the remote clients: each a real one, with a view of its files past the client."""

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

import azure_server
import ftp_server
import gcs_server
import s3_server
import ssh_server
from object_view import ObjectView
from remote_clients import Client

AUTHORITY = trustme.CA()


def trusting() -> ssl.SSLContext:
    """A context that verifies, and knows the tests' authority only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    AUTHORITY.configure_trust(context)
    return context


# What no object store has.
OBJECTS = frozenset({"permissions", "partial files"})


def listing(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


class Disk:
    """The files of a server that keeps them in a directory of this machine."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def put(self, path: str, data: bytes = b"", mtime: float | None = None) -> None:
        target = self.home / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        if mtime is not None:
            os.utime(target, (mtime, mtime))

    def read(self, path: str) -> bytes:
        return (self.home / path).read_bytes()

    def exists(self, path: str) -> bool:
        return (self.home / path).exists()

    def mtime(self, path: str) -> float:
        return (self.home / path).stat().st_mtime

    def names(self, path: str) -> list[str]:
        return listing(self.home / path)

    def make_dir(self, path: str) -> None:
        (self.home / path).mkdir(parents=True)


@dataclass
class Backend:
    """A running server; ``kill_sessions`` cuts every connection."""

    kind: str
    fields: dict[str, Any]
    files: Disk | ObjectView
    kill_sessions: Callable[[], None]
    context: Callable[[], ssl.SSLContext] | None = None
    # What the protocol or the server cannot do.
    lacks: frozenset[str] = field(default_factory=frozenset)


@dataclass
class Work:
    """A test's directories: the same relative name on both sides."""

    client: Client
    remote: Disk | ObjectView
    name: str
    lacks: frozenset[str]

    @property
    def local(self) -> Path:
        return self.client.local / self.name

    def at(self, path: str) -> str:
        """Return a path of this test, for either side."""
        return f"{self.name}/{path}" if path else self.name

    def write(self, path: str, data: bytes = b"", mtime: float | None = None) -> None:
        """Write a local file."""
        Disk(self.client.local).put(self.at(path), data, mtime)

    def read(self, path: str) -> bytes:
        return (self.local / path).read_bytes()

    def put(self, path: str, data: bytes = b"", mtime: float | None = None) -> None:
        """Put a file on the server, past the client."""
        self.remote.put(self.at(path), data, mtime)

    def there(self, path: str) -> bytes:
        """Read a file on the server, past the client."""
        return self.remote.read(self.at(path))

    def names(self, path: str = "") -> list[str]:
        return self.remote.names(self.at(path))

    @property
    def disk(self) -> Path:
        """This test's directory on a server that keeps files on a disk."""
        assert isinstance(self.remote, Disk)
        return self.remote.home / self.name

    def options(self, **values: Any) -> None:
        self.client.options = values

    def lines(self, level: str | None = None) -> str:
        return self.client.lines(level)


@contextmanager
def openssh(folder: Path) -> Iterator[Backend]:
    server = ssh_server.start(folder)
    fields = {
        "Host": f"127.0.0.1:{server.port}",
        "User": server.user,
        "KeyText": server.client_key.read_text(),
        "HostKeySHA256": ssh_server.fingerprint(server.host_key, "sha256"),
    }
    try:
        yield Backend("sftp", fields, Disk(server.home), server.kill_sessions)
    finally:
        server.stop()


@contextmanager
def _ftp(server: ftp_server.FtpServer, *lacks: str) -> Iterator[Backend]:
    fields = {
        "Host": f"127.0.0.1:{server.port}",
        "User": server.user,
        "Pass": ftp_server.PASSWORD,
        "TLSMode": server.mode,
    }
    try:
        yield Backend("ftps", fields, Disk(server.home), server.kill_sessions, trusting, frozenset(lacks))
    finally:
        server.stop()


@contextmanager
def proftpd(folder: Path) -> Iterator[Backend]:
    with _ftp(ftp_server.start_proftpd(folder, AUTHORITY, ftp_server.EXPLICIT), "broken links") as backend:
        yield backend


@contextmanager
def vsftpd(folder: Path) -> Iterator[Backend]:
    with _ftp(ftp_server.start_vsftpd(folder, AUTHORITY, ftp_server.EXPLICIT)) as backend:
        yield backend


@contextmanager
def moto(folder: Path) -> Iterator[Backend]:
    server = s3_server.start(folder)
    try:
        yield Backend("s3", server.fields(UseMetadataWhenListing=True), s3_server.Bucket(server), _kept, lacks=OBJECTS)
    finally:
        server.stop()


@contextmanager
def azurite(folder: Path) -> Iterator[Backend]:
    server = azure_server.start(folder)
    fields = server.fields(UseMetadataWhenListing=True)
    try:
        yield Backend("azure", fields, azure_server.Container(server), _kept, lacks=OBJECTS)
    finally:
        server.stop()


@contextmanager
def gcs(folder: Path) -> Iterator[Backend]:
    server = gcs_server.start(folder, AUTHORITY)
    try:
        yield Backend("gcs", server.fields(), gcs_server.Objects(server), _kept, trusting, OBJECTS)
    finally:
        server.stop()


def _kept() -> None:
    """Nothing is cut: connections of object stores are used for single requests, so their losses are tested elsewhere."""


# Links and special files are for servers with a disk, as are connections that a client keeps.
DISKS = {"openssh": openssh, "proftpd": proftpd, "vsftpd": vsftpd}
BACKENDS = {**DISKS, "moto": moto, "azurite": azurite, "gcs": gcs}
