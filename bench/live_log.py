"""A log that is followed: lines a second from a script that writes as fast as it can to a client of the event stream.

Baseline of the same run: the same lines, read from the stored log in pages once the run has ended.

Run with: python bench/live_log.py [LINES]
"""

import http.client
import json
import socket
import sys
import time

from measure import client, running


class LocalConnection(http.client.HTTPConnection):
    """HTTP over the admin socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    code = f'for (let i = 0; i < {lines}; i++) Log("line " + i + " of a log that somebody looks at");'
    with running() as installation, client(installation) as api:
        api.call("PATCH", "/sites/default", body={"settings": {"log": "64MiB"}})
        began = time.perf_counter()
        run = api.call("POST", "/sites/default/runs", body={"code": code, "name": "writes.js"})["id"]
        connection = LocalConnection(str(installation.home / "run" / "admin.sock"))
        connection.request("GET", f"/api/v1/runs/{run}/logs/stream")
        answer = connection.getresponse()
        seen, first = 0, 0.0
        for raw in answer:
            if raw.startswith(b"data: ") and b'"seq"' in raw:
                seen += 1
                first = first or time.perf_counter()
                assert json.loads(raw[6:])["seq"] == seen
        followed = time.perf_counter() - began
        assert seen == lines, (seen, lines)
        began = time.perf_counter()
        after = 0
        while after < lines:
            after = api.get(f"/runs/{run}/logs", after=after, limit=10_000)["items"][-1]["seq"]
        stored = time.perf_counter() - began
        rate, floor = lines / followed, lines / stored
        print(
            f"{lines:,} lines followed, from start of the run {rate:12,.0f} a second   x{rate / floor:.2f} of the baseline"
        )
        print(f"{lines:,} lines from the stored log (baseline) {floor:12,.0f} a second")


if __name__ == "__main__":
    main()
