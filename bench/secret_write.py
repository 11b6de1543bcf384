"""Writing a secret: sealed by the client, stored, audited and on disk before the answer, the old value gone from the files.

Baseline of the same run: one 4 KiB append with fdatasync, what the disk alone takes for something durable.
"""

import os
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import client, report, running, timed
from sealed import seal_for

WRITES = 300


def synced_append(path: Path) -> Callable[[], None]:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def once() -> None:
        os.write(fd, bytes(4096))
        os.fdatasync(fd)

    return once


def main() -> None:
    with running() as installation, client(installation) as api:
        disk = timed(synced_append(installation.folder / "append"), WRITES)
        baseline = statistics.median(disk)
        report("4 KiB append with fdatasync", disk)
        site = "/sites/default"
        count = 0

        def create() -> None:
            nonlocal count
            count += 1
            name = f"key-{count}"
            api.call("POST", f"{site}/secrets", body={"name": name, **seal_for(api, site, name, b"sk-live-0123456789")})

        report("new secret: seal and store", timed(create, WRITES), baseline=baseline)
        secret: dict[str, Any] = api.get(f"{site}/secrets", name="key-1")["items"][0]

        def overwrite() -> None:
            body = seal_for(api, site, "key-1", b"sk-live-9876543210")
            api.call("PUT", f"{site}/secrets/{secret['id']}/value", body=body)

        report("overwrite: seal, store, scrub the old value", timed(overwrite, WRITES), baseline=baseline)


if __name__ == "__main__":
    main()
