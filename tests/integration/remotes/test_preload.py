"""A courier imports nothing after it is confined: there every file but the site's is out of reach."""

import json
import os
import subprocess
import sys
from pathlib import Path

from remote_backends import AUTHORITY, Backend

# Runs in an interpreter of its own, which has imported nothing else; prints what came in after preload().
PROGRAM = """
import json, socket, ssl, sys
from nightdrop.worker import courier

courier.preload()
before = set(sys.modules)
given = json.load(sys.stdin)


def dial(host, port, timeout, *, again=False):
    sock = socket.create_connection((host, port), timeout)
    sock.settimeout(None)
    return sock


log = []
service = courier.RemoteService(
    dial, courier.SiteFiles(courier.Roots.open(given["files"])), lambda *line: log.append(line), lambda name: "", codecs=courier.codec
)
options = {"OTFE": True, "OTFEKey": given["key"], "UploadPolicy": 1, "VersionedUpload": True, "UploadWithTempName": True}
fields = {**given["fields"], **given["lax"]}
done = [service.connect(1, given["kind"], fields, options)]
for method, *arguments in given["calls"]:
    done.append(service.call(1, method, arguments, options))
# Failures are put into words by code that a success does not reach.
service.connect(2, given["kind"], {**fields, "Host": "no-such-host.invalid", "Endpoint": "http://no-such-host.invalid"}, options)
service.connect(3, given["kind"], {**fields, "Pass": "wrong", "KeyText": "", "APIKeySecret": "wrong", "AccountKey": "d3Jvbmc="}, options)
print(json.dumps({"done": done, "late": sorted(set(sys.modules) - before), "log": log}))
"""
CALLS = [
    ["MakeDir", "preload/in"],
    ["Upload", "a.txt", "preload/in"],
    ["Upload", "a.txt", "preload/in"],
    ["Download", "preload/in/a.txt", "back"],
    ["ListDirR", "preload", 0],
    ["Stat", "preload/in/a.txt"],
    ["Stat", "preload/none"],
    ["RenFile", "preload/in/a.txt", "preload/in/b.txt"],
    ["RenDir", "preload/in", "preload/out"],
    ["DelFile", "preload/out/none.txt"],
    ["DelTree", "preload"],
    ["Close"],
]


def test_nothing_is_imported_late(backend: Backend, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * 200_000)
    lax = {"TLSInsecure": True} if backend.kind == "ftps" else {}
    given = {"kind": backend.kind, "fields": backend.fields, "lax": lax, "files": str(tmp_path), "calls": CALLS}
    authority = tmp_path.parent / f"{tmp_path.name}.pem"
    AUTHORITY.cert_pem.write_to_path(authority)
    key = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True).stdout.split("\n")[2]
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps({**given, "key": key}),
        env={**os.environ, "SSL_CERT_FILE": str(authority)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(ran.stdout)
    assert answer["late"] == []
    connected, made, up, again, down = answer["done"][:5]
    assert [connected, made, up, again, down] == [True] * 5, answer["log"]
