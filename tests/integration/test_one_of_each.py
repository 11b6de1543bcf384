"""One worker, one web process and one initialisation per home: whoever comes second is told so, and harms nothing."""

import json
import subprocess
import sys

from machine import Machine
from support import Installation


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode()


def test_a_second_worker_is_refused(server: Installation) -> None:
    machine = Machine(server)
    before = machine.whole()
    second = server.run("worker")
    assert (second.status, second.out) == (1, "")
    assert second.err.startswith("error: Another worker is running on this home.\nhint: Stop it first: one worker ")
    assert machine.whole() == before
    assert server.exec_js('Log("served");').out == "served\n"


def test_a_second_web_process_is_refused(server: Installation) -> None:
    second = server.run("web", "--listen", "127.0.0.1:0")
    assert (second.status, second.out) == (1, "")
    assert second.err == "error: Another web process is running on this home.\nhint: Stop it first.\n"
    assert server.exec_js('Log("served");').out == "served\n"


def test_a_second_up_is_refused_and_the_first_goes_on(server: Installation) -> None:
    machine = Machine(server)
    before = machine.whole()
    run = machine.start_run('Log("started"); Sleep(60000);')
    machine.wait_for_line(run, "started")
    second = server.run("up", "--listen", "127.0.0.1:0", timeout=20)
    assert second.status == 1
    assert second.err.startswith("error: nightdrop is running on this home already, on http://127.0.0.1:")
    assert machine.run(run)["state"] == "running"
    assert {role: machine.roles()[role] for role in ("web", "worker", "keeper")} == {
        role: before[role] for role in ("web", "worker", "keeper")
    }
    machine.call("POST", f"/runs/{run}/cancel")
    assert machine.ended(run)["state"] == "cancelled"
    machine.no_orphans()


def test_two_up_at_once(installation: Installation) -> None:
    """One of them serves, the other ends and says why."""
    command = [*installation.argv, "up", "--json", "--listen", "127.0.0.1:0"]
    both = [
        subprocess.Popen(
            command, env=installation.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    try:
        said = {process.pid: json.loads(process.stdout.readline()) for process in both}
        ready = [process for process in both if "error" not in said[process.pid]]
        ended = [process for process in both if "error" in said[process.pid]]
        assert (len(ready), len(ended)) == (1, 1), said
        assert finish(ended[0])[0] == 1
        assert said[ended[0].pid]["error"]["code"] == "server_running"
        assert said[ready[0].pid]["worker"]["alive"]
        assert installation.exec_js('Log("served");').out == "served\n"
    finally:
        for process in both:
            if process.poll() is None:
                process.terminate()
            finish(process)


def test_two_init_at_once(installation: Installation) -> None:
    """One makes the home; the other says that there is one, and takes nothing of it away again."""
    for attempt in range(2):
        home = installation.folder / f"other {attempt}"
        command = [sys.executable, "-m", "nightdrop", "init", "--json", "--home", str(home)]
        both = [
            subprocess.Popen(
                command, env=installation.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            for _ in range(2)
        ]
        results = [finish(process) for process in both]
        assert sorted(status for status, _, _ in results) == [0, 1], results
        refused = next(json.loads(out)["error"] for status, out, _ in results if status)
        assert refused["message"] == f"{home} is a nightdrop home already."
        doctor = installation.run("doctor", "--json", "--home", str(home)).json
        assert {check["state"] for check in doctor["checks"]} <= {"ok", "warn"}, doctor
