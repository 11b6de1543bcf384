"""A value is nowhere but where it belongs: not in the home, a log, an answer, a command line, an environment, a memory."""

import base64
import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from conftest import noting_server
from machine import Machine, descendants_of
from nightdrop.syncjs.masking import Masker
from support import Installation, Received

# Read twice, logged in every form, sent in a header, an address and a body, and thrown at the end.
SCRIPT = r"""
const one = GetSecret("one"), many = RequireSecret("many");
const hex = (text) => Array.from(new TextEncoder().encode(text), (b) => b.toString(16).padStart(2, "0")).join("");
const base64 = (text) => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const bytes = new TextEncoder().encode(text);
  let out = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const n = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let j = 0; j < 4; j++) out += i + j > bytes.length ? "=" : alphabet[(n >> (18 - 6 * j)) & 63];
  }
  return out;
};
for (const value of [one, many, ...many.split("\n")]) {
  Log(value);
  LogWarn("before " + value + " after", { value, list: [value] });
  LogError(new Error(value));
  console.log(JSON.stringify(JSON.stringify({ value })));
  Log(hex(value), hex(value).toUpperCase(), encodeURIComponent(value), encodeURI(value));
  for (const before of ["", "x", "xy"]) {
    Log(base64(before + value), base64(before + value + "z").replaceAll("+", "-").replaceAll("/", "_"));
  }
  Log("-".repeat(70000) + value + "-".repeat(70000));
  GetSecret(value);
  HasSecret(value);
  new HttpCli().Url("http://127.0.0.1:1/" + encodeURIComponent(value)).Timeout(5).Get();
}
const answer = new HttpCli()
  .Url(Params.url + "/in-the-address?q=" + encodeURIComponent(one)).Header("X-Key", one).ReqBody(many).Post();
Log(answer.StatusCode(), answer.BodyAsString());
if (Params.wait) Sleep(60000);
throw new TypeError("refused: " + many + " / " + hex(one) + " / " + one);
"""


def forms(value: str) -> dict[str, bytes]:
    """Return every form that masking promises to find, made here on its own, and what it looks for."""
    raw = value.encode()
    made = {"literal": value, "hex": raw.hex(), "HEX": raw.hex().upper(), "url": quote(value, safe="")}
    made |= {"plus": quote_plus(value), "json": json.dumps(value)[1:-1]}
    for offset in range(3):
        inner = base64.b64encode(b"x" * offset + raw)[4 : 4 * ((offset + len(raw)) // 3)].decode()
        made |= {f"base64 {offset}": inner, f"base64url {offset}": inner.replace("+", "-").replace("/", "_")}
    masker = Masker()
    masker.add(raw)
    made |= {f"pattern {n}": pattern for n, pattern in enumerate(masker.patterns())}
    return {name: text.encode() for name, text in made.items()}


class Needles:
    """Values that are nowhere by chance, in all their forms."""

    def __init__(self) -> None:
        self.one = f'k/{secrets.token_hex(9)}+"ü=&?{secrets.token_hex(9)}'
        self.many = "\n".join(f"{secrets.token_hex(12)}/+{n}" for n in range(3))
        values = {"one": self.one, "many": self.many}
        values |= {f"line {n}": line for n, line in enumerate(self.many.split("\n"))}
        self.forms = {f"{of} {name}": form for of, value in values.items() for name, form in forms(value).items()}
        # The parts of the value that no form changes find most forms in one pass.
        self.parts = re.findall(r"[0-9a-f]{18,}", self.one + self.many)
        parts = [part.encode() for part in self.parts]
        parts += [part.encode().hex().encode() for part in self.parts]
        self._quick = [*parts, *(form for name, form in self.forms.items() if "base64" in name)]

    def in_(self, data: bytes) -> set[str]:
        return {name for name, form in self.forms.items() if form in data}

    def in_memory(self, pid: int) -> bool:
        """Look through everything that a process can write to."""
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:  # noqa: PTH123 - unbuffered
            spans = [
                (int(a, 16), int(b, 16))
                for a, b in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps.read(), re.MULTILINE)
            ]
            for start, end in spans:
                try:
                    data = os.pread(memory.fileno(), end - start, start)
                except OSError:
                    continue  # a special mapping that cannot be read
                if any(part in data for part in self._quick):
                    return True
        return False


@pytest.fixture(scope="module")
def needles() -> Needles:
    return Needles()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Received]:
    with noting_server() as received:
        yield received


@pytest.fixture(scope="module")
def said() -> list[str]:
    """Everything that the command line has printed."""
    return []


@pytest.fixture(scope="module")
def machine(shared_server: Installation, needles: Needles, receiver: Received, said: list[str]) -> Machine:
    """Values sealed in the command line, used by a script that does its worst, and asked about in every way."""

    def command(*arguments: str, status: int = 0, stdin: str | None = None) -> str:
        result = shared_server.run(*arguments, stdin=stdin)
        assert result.status == status, result
        said.append(result.out + result.err)
        return result.out

    command("secret", "set", "one", "--description", "the first", stdin=needles.one)
    command("secret", "set", "many", stdin=needles.many)
    (shared_server.folder / "spill.js").write_text(SCRIPT)
    command("script", "push", "spill.js")
    url = f"url={receiver.url}"
    command("exec", "spill.js", "--param", url, status=1)
    command("script", "run", "spill", "--param", url, status=1)
    run = json.loads(command("script", "run", "spill", "--param", url, "--json", status=1))
    for extra in ((), ("--json",)):
        command("run", "show", run["id"], *extra)
        command("logs", run["id"], *extra)
        command("secret", "ls", *extra)
        command("run", "ls", *extra)
        command("doctor", *extra)
    return Machine(shared_server)


def test_the_script_did_what_it_should(machine: Machine, needles: Needles, receiver: Received, said: list[str]) -> None:
    """The control: the values were there, went out, and what was logged is there, masked."""
    assert len(receiver.requests) == 3
    for method, path, headers, body in receiver.requests:
        assert (method, body.decode()) == ("POST", needles.many)
        assert headers["X-Key"].encode("latin-1").decode() == needles.one
        assert quote(needles.one, safe="") in path
    text = "".join(said)
    assert "before *** after" in text
    assert "200 ok" in text
    assert "TypeError: refused: ***" in text


def test_nothing_that_was_printed_has_it(machine: Machine, needles: Needles, said: list[str]) -> None:
    assert needles.in_("\n".join(said).encode()) == set()


def test_no_file_has_it(machine: Machine, needles: Needles) -> None:
    folder = machine.installation.folder
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"app.db", "app.db-wal", "app.db-shm", "keeper.db", "keeper.db-wal", "server.log"} <= names
    assert {str(path): found for path in files if (found := needles.in_(path.read_bytes()))} == {}


def test_no_answer_of_the_api_has_it(machine: Machine, needles: Needles) -> None:
    """Every GET route, with everything that there is to ask for."""
    answers = {}
    with machine.client() as client:
        runs = [run["id"] for run in client.get("/sites/default/runs")["items"]]
        scripts = [script["id"] for script in client.get("/sites/default/scripts")["items"]]
        stored = [secret["id"] for secret in client.get("/sites/default/secrets")["items"]]
        assert len(stored) == 2
        site = client.get("/sites/default")["id"]
        given = {"site": ["default", site], "run": runs, "script": scripts, "secret": stored}
        routes = [path for path, methods in client.get("/openapi.json")["paths"].items() if "get" in methods]
        assert len(routes) > 10
        for route in routes:
            for path in _filled(route, given):
                answers[path] = _raw(client, path + ("?name=one" if path.endswith("/sealing-key") else ""))
    assert len(answers) > 20
    assert sum(b'"status":40' not in body for body in answers.values()) > 15
    assert sum(b"***" in body for body in answers.values()) >= 2 * len(runs)
    assert {path: found for path, body in answers.items() if (found := needles.in_(body))} == {}


def _filled(route: str, given: dict[str, list[str]]) -> list[str]:
    wanted = re.findall(r"\{(\w+)\}", route)
    paths = [route]
    for name in wanted:
        paths = [path.replace(f"{{{name}}}", value) for path in paths for value in given.get(name, ["1"])]
    return paths


def _raw(client: Any, path: str) -> bytes:
    client._connection.request("GET", path)
    response = client._connection.getresponse()
    body: bytes = response.read()
    # The host owner has no account, and there is nothing of the number 1.
    assert response.status in {200, 403, 404}, (path, body)
    return body


def test_no_command_line_and_no_environment_has_it(machine: Machine, needles: Needles) -> None:
    pids = [machine.top, *descendants_of(machine.top)]
    assert len(pids) > 8
    for pid in pids:
        assert needles.in_(Path(f"/proc/{pid}/cmdline").read_bytes()) == set()
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except PermissionError:
            # Not even we, the same user, may look: so nobody else may.
            assert os.geteuid() != 0
        else:
            assert needles.in_(environment) == set()


def test_no_memory_but_that_of_the_run_has_it(machine: Machine, needles: Needles, receiver: Received) -> None:
    """While a run holds the values, and after it, when the next pair is ready."""
    roles = machine.whole()
    if os.geteuid() != 0:
        for role in set(roles) - {"up"}:
            with pytest.raises(PermissionError):
                needles.in_memory(roles[role])
        return
    before = len(receiver.requests)
    run = machine.start_run(SCRIPT, params={"url": receiver.url, "wait": True})
    machine.wait_for_line(run, "200 ok")
    assert len(receiver.requests) == before + 1
    assert needles.in_memory(roles["gateway"])
    assert needles.in_memory(roles["runner"])
    # The keeper opened them. That it wipes them is tested where it can be looked into at any moment; what the script
    # gave it as a name, it does not know for a value.
    others = set(roles) - {"gateway", "runner", "keeper"}
    found = {role for role in others if needles.in_memory(roles[role])}
    machine.call("POST", f"/runs/{run}/cancel")
    machine.ended(run)
    machine.whole()
    everybody = {machine.top, *descendants_of(machine.top)} - {roles["keeper"]}
    left = [pid for pid in everybody if needles.in_memory(pid)]
    names = {pid: role for role, pid in machine.whole().items()}
    assert (found, [names.get(pid, pid) for pid in left]) == (set(), [])
