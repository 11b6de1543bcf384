"""Signing in with a password, and what a session and a token add to a request.

Baseline of the same run: the same list over the admin socket, where nobody signs in; for signing in, one password hash.
"""

import http.client
import json
import statistics
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from measure import client, report, running, timed
from nightdrop.access.passwords import Hasher

PASSWORD = "correct horse battery staple"
REQUESTS, SIGN_INS = 300, 15
LIST = "/api/v1/sites/default/secrets"


def asking(connection: http.client.HTTPConnection, headers: dict[str, str]) -> Callable[..., Any]:
    def ask(method: str, path: str, body: Any = None) -> tuple[Any, str]:
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status < 300, said
        return json.loads(said or b"null"), (answer.headers.get("set-cookie") or "").partition(";")[0]

    return ask


def main() -> None:
    with running() as installation, client(installation) as api:
        url = urlsplit(installation.ok("admin", "setup-link").out.strip())
        connection = http.client.HTTPConnection(url.netloc)
        nobody = asking(connection, {})
        body = {"token": url.fragment, "name": "anna", "password": PASSWORD}
        _, cookie = nobody("POST", "/api/v1/setup", body)
        somebody = asking(connection, {"Cookie": cookie, "Origin": f"http://{url.netloc}"})

        hasher = Hasher()
        stored = hasher.hash(PASSWORD)
        hashing = timed(lambda: hasher.verify(PASSWORD, stored), SIGN_INS, warmup=2)
        report("one password hash", hashing)
        sign_in = {"name": "anna", "password": PASSWORD}
        signing = timed(lambda: nobody("POST", "/api/v1/session", sign_in), SIGN_INS, warmup=2)
        report("sign in with a password", signing, baseline=statistics.median(hashing))

        site = somebody("GET", "/api/v1/session")[0]["sites"][0]["id"]
        wanted = {"name": "bench", "sites": [site], "permissions": ["secrets:view"]}
        token = somebody("POST", "/api/v1/account/tokens", wanted)[0]["token"]
        program = asking(connection, {"Authorization": f"Bearer {token}"})
        socket = timed(lambda: api.get("/sites/default/secrets"), REQUESTS)
        baseline = statistics.median(socket)
        report("list over the admin socket", socket)
        report("list with a session", timed(lambda: somebody("GET", LIST), REQUESTS), baseline=baseline)
        report("list with a token", timed(lambda: program("GET", LIST), REQUESTS), baseline=baseline)


if __name__ == "__main__":
    main()
