"""From the printed link to a stored secret, over TCP, in a real server that is confined as ever."""

import json
import urllib.error
import urllib.request
from typing import Any

from support import Installation

PASSWORD = "correct horse battery staple"


class Visitor:
    """A browser, or a program with a token."""

    def __init__(self, base: str, token: str | None = None) -> None:
        self._base = base
        self._token = token
        self._cookie: str | None = None

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", "Origin": self._base}
        if self._cookie:
            headers["Cookie"] = self._cookie
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._base}/api/v1{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                if cookie := response.headers.get("set-cookie"):
                    self._cookie = cookie.partition(";")[0]
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())


def test_from_the_link_to_a_stored_secret(installation: Installation) -> None:
    installation.start()
    url = installation.ok("admin", "setup-link").out.strip()
    base, _, link = url.partition("/setup#")
    anna = Visitor(base)
    assert anna.ask("GET", "/sites")[0] == 401
    assert anna.ask("GET", "/session")[1]["setup_needed"] is True

    status, shown = anna.ask("POST", "/setup", {"token": link, "name": "Anna", "password": PASSWORD})
    assert (status, shown["admin"]["name"]) == (201, "anna")
    [site] = shown["sites"]
    assert anna.ask("POST", f"/sites/{site['id']}/secrets", {"name": "api-key", "value": "sk-needle-1"})[0] == 201

    wanted = {"name": "ci", "sites": [site["id"]], "permissions": ["runs:run", "runs:view", "scripts:edit"]}
    status, made = anna.ask("POST", "/account/tokens", wanted)
    assert status == 201
    program = Visitor(base, made["token"])
    code = {"code": 'Log(GetSecret("api-key").length);', "name": "try.js"}
    status, run = program.ask("POST", f"/sites/{site['id']}/runs?wait=30", code)
    assert (status, run["state"]) == (201, "succeeded")
    lines = program.ask("GET", f"/runs/{run['id']}/logs")[1]["items"]
    assert [line["text"] for line in lines] == ["11"]
    assert program.ask("GET", f"/sites/{site['id']}/secrets")[0] == 403

    # A lock-out ends on the host.
    installation.ok("admin", "disable", "anna")
    assert anna.ask("GET", "/account")[0] == program.ask("GET", "/sites")[0] == 401
    installation.ok("admin", "enable", "anna")
    reset = installation.ok("admin", "reset", "ANNA", "--json").json
    again = Visitor(base)
    body = {"token": reset["setup_link"]["token"], "name": "anna", "password": "another horse and its battery"}
    assert again.ask("POST", "/setup", body)[0] == 201
    assert again.ask("DELETE", "/session")[0] == 204
    assert again.ask("POST", "/session", {"name": "anna", "password": PASSWORD})[0] == 401
    assert again.ask("POST", "/session", {"name": "anna", "password": body["password"]})[0] == 201

    for needle in (link, PASSWORD, made["token"], body["token"], "sk-needle-1"):
        assert needle not in installation.server_log()


def test_nightdrop_up_prints_the_link_until_it_was_used(installation: Installation) -> None:
    def started() -> dict[str, Any]:
        installation.start()
        assert installation.started is not None
        return installation.started

    first = started()["setup_link"]
    assert "/setup#" in first
    installation.stop()
    second = started()["setup_link"]
    assert second != first
    base, _, link = second.partition("/setup#")
    visitor = Visitor(base)
    for token, status in ((first.partition("#")[2], 403), (link, 201)):
        assert visitor.ask("POST", "/setup", {"token": token, "name": "anna", "password": PASSWORD})[0] == status
    installation.stop()
    assert started()["setup_link"] is None
