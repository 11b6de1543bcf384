"""Azurite, Microsoft's own emulator of Azure Blob Storage, which checks signatures; on a free port of 127.0.0.1."""

import base64
import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure.storage.blob import AccountSasPermissions, BlobServiceClient, ResourceTypes, generate_account_sas

from nightdrop.syncjs.remotes.azuresign import VERSION
from node import ROOT, node
from object_view import ObjectView
from ssh_server import answers, free_port
from support import wait_until

PROGRAM = ROOT / "tests/azurite/node_modules/azurite/dist/src/blob/main.js"
ACCOUNT = "nightly"
CONTAINER = "nightly-files"


@dataclass
class AzureServer:
    folder: Path
    port: int
    key: str
    process: subprocess.Popen[bytes]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def fields(self, **more: Any) -> dict[str, Any]:
        return {
            "Endpoint": self.endpoint,
            "Container": CONTAINER,
            "AccountName": ACCOUNT,
            "AccountKey": self.key,
            **more,
        }

    def api(self) -> BlobServiceClient:
        """A client of the vendor's own library, to look at the server past ours."""
        who = {"account_name": ACCOUNT, "account_key": self.key}
        return BlobServiceClient(self.endpoint, who, api_version=VERSION)

    def sas(self, permissions: str) -> str:
        """Return a shared access signature for what is in all containers."""
        return generate_account_sas(
            ACCOUNT,
            self.key,
            ResourceTypes(container=True, object=True),
            AccountSasPermissions.from_string(permissions),
            datetime.now(UTC) + timedelta(hours=1),
        )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Container(ObjectView):
    """What is in a container."""

    def __init__(self, server: AzureServer) -> None:
        self.api = server.api().get_container_client(CONTAINER)

    def write(self, key: str, data: bytes, mtime: float | None) -> None:
        when = None if mtime is None else datetime.fromtimestamp(mtime, UTC).isoformat().replace("+00:00", "Z")
        self.api.upload_blob(key, data, overwrite=True, metadata={"mtime": when} if when else None)

    def fetch(self, key: str) -> bytes:
        return self.api.download_blob(key).readall()

    def time(self, key: str) -> float:
        found = self.api.get_blob_client(key).get_blob_properties()
        kept = found.metadata.get("mtime")
        return datetime.fromisoformat(kept).timestamp() if kept else found.last_modified.timestamp()

    def keys(self, prefix: str) -> list[str]:
        return [blob.name for blob in self.api.list_blobs(prefix)]


def start(folder: Path) -> AzureServer:
    """Start a server with one account and one container."""
    port, key = free_port(), base64.b64encode(os.urandom(64)).decode()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}
    where = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    command = [node(), str(PROGRAM), *where, "--silent", "--disableTelemetry", "--disableProductStyleUrl"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    server = AzureServer(folder, port, key, process)
    wait_until(lambda: answers(port) or process.poll() is not None, "Azurite answers", 60)
    assert process.poll() is None, (folder / "output").read_text()
    try:
        with server.api() as api:
            api.create_container(CONTAINER)
    except BaseException:
        server.stop()
        raise
    return server
