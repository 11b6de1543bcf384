"""Run latency: from POST to result over HTTP on the admin socket, every run in fresh sandboxed processes.

Baseline of the same run: starting the bare interpreter (`python -I -S -c pass`), the floor of a process per run.
"""

import statistics
import subprocess
import sys

from measure import client, report, running, timed

RUNS = 300


def main() -> None:
    bare = timed(lambda: subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True), 40)
    baseline = statistics.median(bare)
    report("start of a bare interpreter", bare)
    with running() as installation, client(installation) as api:
        body = {"code": 'Log("hello")', "name": "hello.js"}

        def one() -> None:
            run = api.call("POST", "/sites/default/runs", query={"wait": 30}, body=body)
            assert run["state"] == "succeeded", run

        report("ad hoc run, POST to result", timed(one, RUNS), baseline=baseline)
        api.call("POST", "/sites/default/scripts", body={"name": "hello", "code": 'Log("hello")'})
        stored = {"script": "hello"}

        def two() -> None:
            run = api.call("POST", "/sites/default/runs", query={"wait": 30}, body=stored)
            assert run["state"] == "succeeded", run

        report("stored script, POST to result", timed(two, RUNS), baseline=baseline)


if __name__ == "__main__":
    main()
