"""The whole story: a secret goes in, a script uses it, a real HTTPS server gets it, nobody else has it."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from support import Installation

# The first example of the manual's secrets page, its address replaced.
MANUAL_EXAMPLE = """
var apiKey = GetSecret("my-api-key");
if (apiKey == "") {
Log("ERROR: secret not found, aborting.");
} else {
var hc = new HttpCli();
var res = hc.Url("%s/notify")
.Header("Authorization", "Bearer " + apiKey)
.Timeout(15)
.Get();
Log("Response status: " + res.StatusCode());
}
"""


@pytest.fixture
def https_server(tmp_path: Path) -> Iterator[tuple[str, list[str], Path]]:
    """An HTTPS server whose certificate only those trust who know its authority."""
    authority = trustme.CA()
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        yield f"https://127.0.0.1:{httpd.server_port}", seen, bundle
        httpd.shutdown()
        thread.join()


def test_the_manuals_example_runs_unchanged(
    installation: Installation, https_server: tuple[str, list[str], Path]
) -> None:
    url, seen, bundle = https_server
    installation.environment["SSL_CERT_FILE"] = str(bundle)
    installation.start()
    installation.ok("site", "set", "default", "egress_allow=127.0.0.1")
    value = "sk-live-4f9a77c1d2"
    installation.ok("secret", "set", "my-api-key", stdin=value)
    (installation.folder / "notify.js").write_text(MANUAL_EXAMPLE % url)
    installation.ok("script", "push", "notify.js")

    first = installation.ok("script", "run", "notify")
    assert first.out == "Response status: 200\n"
    assert seen == [f"Bearer {value}"]

    installation.ok("secret", "rm", "my-api-key", "--yes")
    second = installation.ok("script", "run", "notify")
    assert "ERROR: secret not found, aborting." in second.out
    assert len(seen) == 1


def test_a_certificate_nobody_vouches_for_is_refused(
    installation: Installation, https_server: tuple[str, list[str], Path]
) -> None:
    url, seen, _ = https_server
    installation.start()
    installation.ok("site", "set", "default", "egress_allow=127.0.0.1")
    result = installation.exec_js(f'var r = new HttpCli().Url("{url}").Get(); Log("valid: " + r.IsValid());')
    assert "valid: false" in result.out
    assert seen == []
