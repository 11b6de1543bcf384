"""The next run in the pool sees nothing of the one before: each has processes of its own that nobody used."""

import contextlib
import os
import re
import secrets
import socket
import threading
from collections.abc import Iterator

import pytest

from conftest import noting_server
from machine import Machine, children_of, started_at
from support import Installation, Received, wait_until

FIRST = r"""
globalThis.leftBehind = "global";
var alsoLeft = "var";
Object.prototype.polluted = "prototype";
Array.prototype.map = () => "patched";
String.prototype.toString = () => "patched";
JSON.stringify = () => '"patched"';
JSON.parse = () => "patched";
Promise.prototype.then = () => "patched";
Error.prototype.toString = () => "patched";
Date.now = () => 0;
globalThis.GetSecret = () => "patched";
globalThis.eval = () => "patched";
for (const name of Object.getOwnPropertyNames(globalThis)) { try { globalThis[name].own = "patched"; } catch {} }
Params.left = "params";
"""

SECOND = r"""
const found = [];
const globals = Object.getOwnPropertyNames(globalThis).filter((n) => n === "leftBehind" || n === "alsoLeft");
if (globals.length) found.push(globals);
if ({}.polluted !== undefined) found.push("prototype");
if ([1].map((x) => x + 1)[0] !== 2) found.push("map");
if ("x".toString() !== "x") found.push("toString");
if (JSON.stringify({ a: 1 }) !== '{"a":1}' || JSON.parse("[1]")[0] !== 1) found.push("JSON");
if (String(new Error("x")) !== "Error: x") found.push("Error");
if (Date.now() < 1e12) found.push("Date");
if (GetSecret("none") !== "") found.push("GetSecret");
if (eval("1 + 1") !== 2) found.push("eval");
for (const name of Object.getOwnPropertyNames(globalThis)) { if (globalThis[name]?.own) found.push(name); }
if (Object.keys(Params).join() !== "mine") found.push(Object.keys(Params));
Log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def machine(shared_server: Installation) -> Machine:
    """Three pairs are kept ready: each is used once, whoever comes next."""
    shared_server.ok("secret", "set", "key", stdin="the value of the first run")
    return Machine(shared_server)


@pytest.fixture
def received() -> Iterator[Received]:
    with noting_server() as made:
        yield made


def test_as_many_pairs_as_configured_are_ready(machine: Machine) -> None:
    def ready() -> bool:
        roles = machine.roles()
        return all(len(children_of(roles.get(f"{role} zygote", 0))) == 3 for role in ("gateway", "runner"))

    wait_until(ready, "three gateways and three runners")


def test_globals_prototypes_and_params(machine: Machine) -> None:
    for _ in range(4):
        first, _ = machine.finish(FIRST, params={"other": "x"})
        assert first["state"] == "succeeded", first
        second, log = machine.finish(SECOND, params={"mine": "y"})
        assert (second["state"], log[-1]) == ("succeeded", "[]"), second


def test_each_run_has_processes_that_nobody_used(machine: Machine) -> None:
    used: set[tuple[int, int]] = set()
    for _ in range(5):
        roles = machine.whole()
        run = machine.start_run('Log("started"); Sleep(60000);')
        machine.wait_for_line(run, "started")
        pair = {(roles[role], started_at(roles[role])) for role in ("gateway", "runner")}
        assert not pair & used
        used |= pair
        machine.call("POST", f"/runs/{run}/cancel")
        machine.ended(run)
        wait_until(lambda pair=pair: not any(started_at(pid) == born for pid, born in pair), "the end of the pair")


def test_masks_and_values(machine: Machine) -> None:
    """What one run was given, the next one neither knows nor masks."""
    _, log = machine.finish('Log(GetSecret("key"));')
    assert log == ["***"]
    _, log = machine.finish('Log("the value of the first run");')
    assert log == ["the value of the first run"]


def test_cookies_and_connections(machine: Machine) -> None:
    """A cookie that a server set does not come back, and no connection is used again."""
    seen: list[tuple[tuple[str, int], bytes]] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, address = listener.accept()
                    with connection:
                        seen.append((address, connection.recv(65536)))
                        answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=first; Path=/\r\nContent-Length: 0\r\n\r\n"
                        connection.sendall(answer)
                        connection.settimeout(0.5)
                        with contextlib.suppress(OSError):
                            while more := connection.recv(65536):
                                seen.append((address, more))
                                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            code = f'Log(new HttpCli().Url("http://127.0.0.1:{listener.getsockname()[1]}/").Get().StatusCode());'
            for _ in range(3):
                run, log = machine.finish(code)
                assert log == ["200"], run
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
    assert len(seen) == 3
    assert len({address for address, _ in seen}) == 3
    assert not any(b"cookie" in request.lower() for _, request in seen)


def test_files_of_the_process(machine: Machine, received: Received) -> None:
    """What a run saves lies in its site's directory: there the next one finds it, and nowhere else."""
    files = machine.installation.home / "sites"
    get = f'const r = new HttpCli().Url("{received.url}").Get();'
    run, log = machine.finish(
        f'{get} Log(r.SaveToFile("kept.txt"), r.SaveToFile("/tmp/{secrets.token_hex(8)}"), r.SaveToFile("../x"));'
    )
    assert run["state"] == "succeeded"
    assert log[-1] == "true false false"
    saved = [path for path in files.rglob("*") if path.is_file()]
    assert [path.name for path in saved] == ["kept.txt"]


def test_memory(machine: Machine) -> None:
    """The needle of one run is not in the processes of the next; where nobody may look, nobody may."""
    needle = secrets.token_hex(24)
    machine.installation.ok("secret", "set", "needle", stdin=needle)
    first = machine.whole()
    if os.geteuid() != 0:
        for role in ("gateway", "runner"):
            with pytest.raises(PermissionError):
                _holds(first[role], needle)
        return
    code = 'const v = GetSecret("needle"); const w = v + v; Log("started"); Sleep(60000);'
    run = machine.start_run(code)
    machine.wait_for_line(run, "started")
    assert all(_holds(first[role], needle) for role in ("gateway", "runner"))
    others = [pid for role in ("gateway", "runner") for pid in children_of(machine.roles()[f"{role} zygote"])]
    assert not any(_holds(pid, needle) for pid in set(others) - set(first.values()))
    machine.call("POST", f"/runs/{run}/cancel")
    machine.ended(run)
    second = machine.start_run('Log("started"); Sleep(60000);')
    machine.wait_for_line(second, "started")
    everybody = [pid for role in ("gateway", "runner") for pid in children_of(machine.roles()[f"{role} zygote"])]
    assert len(everybody) > 2
    assert not any(_holds(pid, needle) for pid in everybody)
    machine.call("POST", f"/runs/{second}/cancel")
    machine.ended(second)


def _holds(pid: int, needle: str) -> bool:
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:  # noqa: PTH123 - unbuffered
        for start, end in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps.read(), re.MULTILINE):
            with contextlib.suppress(OSError):
                if needle.encode() in os.pread(memory.fileno(), int(end, 16) - int(start, 16), int(start, 16)):
                    return True
    return False
