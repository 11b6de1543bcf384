"""Mail imports nothing after a courier is confined: there every file but the site's is out of reach."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

import mail_server
from mail_server import IMPLICIT, NONE, PASSWORD, STARTTLS, USER

# Runs in an interpreter of its own, which has imported nothing else; prints what came in after preload().
PROGRAM = """
import json, socket, ssl, sys
from nightdrop.worker import courier

courier.preload()
before = set(sys.modules)
given = json.load(sys.stdin)
log = []


class Broker:
    def connect(self, host, port, timeout, *, again=False):
        sock = socket.create_connection((host, port), timeout)
        sock.settimeout(None)
        return sock


class Gateway:
    def send_json(self, message):
        log.append(message)

    def recv_json(self):
        return {"secret": given["password"]}


files = courier.SiteFiles(courier.Roots.open(given["files"]))
services = courier._services(Gateway(), Broker(), files, given["mail"])
done = [services.answer({"op": "mail", "message": message}) for message in given["messages"]]
print(json.dumps({"done": done, "late": sorted(set(sys.modules) - before), "log": log}))
"""


@pytest.mark.parametrize("tls", [NONE, STARTTLS, IMPLICIT])
def test_nothing_is_imported_late(tmp_path: Path, tls: str) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    for name in ("ä.csv", "b.png", "c.unknown"):
        (tmp_path / name).write_text("ü")
    good = {"From": "Ä <a@bücher.example>", "To": "b@example.com, nobody@example.com", "Subject": "ü" * 300}
    bad = [{"To": "nobody@example.com"}, {"Subject": "a\nb"}, {"Paths": ["none"]}, {"Subject": "refuse"}]
    messages = [{**good, "Text": "ü", "HTML": "<b>", "Masks": "*.csv,b.png,c.*"}, *({**good, **each} for each in bad)]
    with mail_server.serving(authority, tls, auth=tls != NONE) as server:
        settings = {"host": "127.0.0.1", "port": server.port, "tls": tls, "sender": ""}
        signing = {"user": USER if tls != NONE else "", "password_secret": "smtp"}
        given = {"files": str(tmp_path), "mail": {**settings, **signing}, "password": PASSWORD, "messages": messages}
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=True,
            env={"SSL_CERT_FILE": str(tmp_path / "authority.pem")},
        )
        answer = json.loads(ran.stdout)
        assert answer["late"] == []
        # One of two recipients is refused.
        assert answer["done"] == [False] * 5
        assert [kept.recipients for kept in server.accepted] == [["b@example.com"]], answer["log"]
