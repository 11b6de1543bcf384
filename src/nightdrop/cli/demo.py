"""``nightdrop demo``: the README's story, for real, in a temporary home."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click

from nightdrop.cli.context import Context, without_home
from nightdrop.core.errors import NightdropError

# Where the data of the user's own home is: not for the demo's.
_OF_ANOTHER_HOME = {"NIGHTDROP_DATABASE", "NIGHTDROP_KEEPER_DATABASE", "NIGHTDROP_NODE_KEY"}
_SCRIPT = """\
var apiKey = GetSecret("demo-api-key");
if (apiKey == "") {
  Log("ERROR: secret not found, aborting.");
  Exit();
}
Log("The key is " + apiKey + ", and this is all that the log ever shows of it.");
var res = new HttpCli()
  .Url(Params.url)
  .Header("Authorization", "Bearer " + apiKey)
  .Timeout(15)
  .Get();
Log("Response status: " + res.StatusCode());
"""


class DemoFailedError(NightdropError):
    """A step of the demo did not do what it should."""

    code = "demo_failed"
    hint = "Look at the messages above, and at: nightdrop doctor"


class _Demo:
    def __init__(self, folder: Path, quiet: bool) -> None:
        self.home = folder / "home"
        self.folder = folder
        self.quiet = quiet
        self.value = "demo-" + secrets.token_urlsafe(24)
        others = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_HOME}
        self.environment = {**others, "XDG_CONFIG_HOME": str(folder / "config"), "NIGHTDROP_HOME": str(self.home)}
        self.received: list[str] = []

    def say(self, text: str) -> None:
        if not self.quiet:
            click.echo(text)

    def run(self, *arguments: str, input_text: str | None = None, show: bool = True) -> str:
        """Run one command of our own as a user would; return its output."""
        self.say(click.style("$ nightdrop " + " ".join(arguments), bold=True))
        argv = [sys.executable, "-m", "nightdrop", *arguments]
        done = subprocess.run(
            argv, input=input_text, env=self.environment, capture_output=True, text=True, check=False, cwd=self.folder
        )
        if show:
            self.say(done.stdout.rstrip())
        if done.returncode != 0:
            sys.stderr.write(done.stderr)
            raise DemoFailedError(f"nightdrop {arguments[0]} failed.")
        return done.stdout

    def traces(self) -> list[str]:
        """Return the files of the home that hold the value."""
        needle = self.value.encode()
        files = (path for path in self.home.rglob("*") if path.is_file())
        return [str(path) for path in files if needle in path.read_bytes()]


@click.command("demo")
@without_home
def demo_command(context: Context) -> None:
    """Play the README's story in a temporary home against a local HTTP server; leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="nightdrop-demo-") as folder:
        demo = _Demo(Path(folder), quiet=context.as_json)
        with _http_server(demo) as url:
            report = _play(demo, url)
    context.show(report)
    demo.say(click.style("\nDone. The temporary home is gone.", fg="green"))


def _play(demo: _Demo, url: str) -> dict[str, object]:
    demo.say("1. A home with its keys.")
    demo.run("init", show=False)
    demo.say("2. Web and worker.")
    with _server(demo):
        demo.say("3. A secret goes in. It is sealed here; the server never sees it.")
        demo.run("secret", "set", "demo-api-key", input_text=demo.value)
        demo.run("secret", "ls")
        demo.say("4. This host is closed to scripts by default; the demo's server is on it, so open it.")
        demo.run("site", "set", "default", "egress_allow=127.0.0.1")
        demo.say("5. A script uses the secret.")
        script = demo.folder / "notify.js"
        script.write_text(_SCRIPT)
        log = demo.run("exec", str(script), "--param", f"url={url}")
    arrived = demo.received == [f"Bearer {demo.value}"]
    leaked = demo.traces()
    if demo.value in log:
        leaked.append("the run's log")
    demo.say(f"6. The HTTP server got the header: {'yes' if arrived else 'no'}.")
    demo.say(f"7. Files of the home and log lines that hold the value: {len(leaked)}.")
    if not arrived or leaked:
        raise DemoFailedError
    return {"header_arrived": arrived, "traces": leaked}


@contextmanager
def _server(demo: _Demo) -> Iterator[None]:
    argv = [sys.executable, "-m", "nightdrop", "up", "--listen", "127.0.0.1:0", "--json"]
    demo.say(click.style("$ nightdrop up", bold=True))
    log = (demo.folder / "server.log").open("wb")
    process = subprocess.Popen(
        argv, env=demo.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=demo.folder
    )
    assert process.stdout is not None
    try:
        # `up --json` prints one line when it is ready, and nothing when it could not start.
        ready = process.stdout.readline()
        if not ready:
            log.flush()
            sys.stderr.write((demo.folder / "server.log").read_text())
            raise DemoFailedError("nightdrop up did not start.")
        demo.say(f"ready (sandbox: {json.loads(ready)['worker']['sandbox']})")
        yield
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
        log.close()


@contextmanager
def _http_server(demo: _Demo) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            demo.received.append(self.headers.get("Authorization", ""))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/notify"
    finally:
        server.shutdown()
        server.server_close()
