"""GetSecret inside a running script, audited: what one call takes as the script sees it.

Baseline of the same run: HasSecret of a name that does not exist, the same path without opening and releasing.
"""

import json
import statistics

from measure import client, report, running

SCRIPT = """
function times(n, action) {
  var taken = [];
  for (var i = 0; i < n; i++) {
    var start = performance.now();
    action();
    taken.push(performance.now() - start);
  }
  return taken;
}
times(50, () => GetSecret("api-key"));
var get = times(3000, () => GetSecret("api-key"));
var log = times(3000, () => HasSecret("no-such-key"));
Log(JSON.stringify({get: get.map(x => +x.toFixed(4))}));
Log(JSON.stringify({has: log.map(x => +x.toFixed(4))}));
"""


def main() -> None:
    with running() as installation, client(installation) as api:
        installation.ok("secret", "set", "api-key", stdin="sk-live-0123456789abcdef")
        for attempt in range(3):
            body = {"code": SCRIPT, "name": "getsecret.js"}
            run = api.call("POST", "/sites/default/runs", query={"wait": 60}, body=body)
            assert run["state"] == "succeeded", run
            lines = api.get(f"/runs/{run['id']}/logs")["items"]
            figures = json.loads("".join(line["text"] for line in lines if line["text"].startswith('{"get"')))
            baseline = json.loads("".join(line["text"] for line in lines if line["text"].startswith('{"has"')))
            floor = statistics.median(baseline["has"])
            report(f"HasSecret of nothing, run {attempt + 1}", baseline["has"])
            report(f"GetSecret, run {attempt + 1}", figures["get"], baseline=floor)


if __name__ == "__main__":
    main()
