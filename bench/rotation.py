"""Rotation of a site key over many secrets, against plain opening and sealing of the same in one process.

Run with: python bench/rotation.py [--secrets N]
"""

import argparse
import base64
import sqlite3
import time

from measure import client, running
from nightdrop.crypto.opening import SitePrivateKey, open_secret
from nightdrop.crypto.sealing import seal_secret
from nightdrop.crypto.seeds import generate_seed, public_key_from_seed

VALUE = b"sk-live-" + b"x" * 40
ROW = (
    "INSERT INTO secrets (id, site_id, name, name_key, search, revision, epoch, sealed, created_ms, updated_ms,"
    " updated_by, health) VALUES (?, ?, ?, ?, ?, 1, 1, ?, 0, 0, 'bench', 'ok')"
)


def plain(count: int) -> float:
    """Return the seconds per secret of opening and sealing alone."""
    seed = generate_seed()
    key, public = SitePrivateKey(seed), public_key_from_seed(seed)
    about = {"site_id": "site", "name": "name", "revision": 1}
    sealed = seal_secret(public, epoch=1, value=VALUE, **about)
    start = time.perf_counter()
    for _ in range(count):
        value, policy = open_secret(key, sealed, epoch=1, **about)
        seal_secret(public, epoch=2, value=value, policy=policy, **about)
    return (time.perf_counter() - start) / count


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--secrets", type=int, default=10_000)
    count = parser.parse_args().secrets
    with running() as installation, client(installation) as api:
        key = api.get("/sites/default/sealing-key")
        site, public = key["site_id"], base64.b64decode(key["public_key"])
        rows = []
        for number in range(count):
            name = f"secret-{number:06}"
            sealed = seal_secret(public, site_id=site, epoch=1, name=name, revision=1, value=VALUE)
            rows.append((f"sec_{number:026}", site, name, name, name, sealed))
        database = sqlite3.connect(installation.home / "data" / "app.db", timeout=30)
        with database:
            database.executemany(ROW, rows)
        database.close()
        before = plain(2000)
        start = time.perf_counter()
        rotation = api.call("POST", "/sites/default/rotations", body={})
        while rotation["state"] == "running":
            time.sleep(0.02)
            rotation = api.get(f"/sites/default/rotations/{rotation['epoch']}")
        taken = time.perf_counter() - start
        after = plain(2000)
    assert (rotation["state"], rotation["moved"]) == ("done", count), rotation
    each = (before + after) / 2
    print(f"plain open and seal      {each * 1e6:8.0f} us per secret")
    print(f"rotation                 {taken / count * 1e6:8.0f} us per secret, {count} secrets in {taken:.1f} s")
    print(f"ratio                    {taken / count / each:8.2f}")


if __name__ == "__main__":
    main()
