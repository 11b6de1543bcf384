"""SIGKILL of each process at each stage of a run: a true state, no orphan, and the next run is served."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from conftest import noting_server, silent_server
from machine import ROLES, Machine, stopped
from support import Installation, alive, wait_until

SECRET = "opens-the-door-4711"
CHECK = 'new HttpCli().Url(Params.url).Header("X-Key", GetSecret("key")).Get(); Log("done");'
FOREVER = "Sleep(60000);"


# Each stage brings a run to a place and holds it there; whoever survives goes on to FOREVER when the stage is left.


@contextmanager
def idle(machine: Machine) -> Iterator[None]:
    yield None


@contextmanager
def queued(machine: Machine) -> Iterator[str]:
    with stopped(machine.whole()["worker"]):
        yield machine.start_run('Log("started");' + FOREVER)


@contextmanager
def claimed(machine: Machine) -> Iterator[str]:
    with stopped(machine.whole()["gateway"]):
        run = machine.start_run('Log("started");' + FOREVER)
        wait_until(lambda: machine.run(run)["state"] == "running", "the claim")
        yield run


@contextmanager
def computing(machine: Machine) -> Iterator[str]:
    run = machine.start_run('Log("started"); for (;;);')
    machine.wait_for_line(run, "started")
    yield run


@contextmanager
def in_get_secret(machine: Machine) -> Iterator[str]:
    with stopped(machine.whole()["keeper"]):
        run = machine.start_run('Log("started"); Sleep(1); GetSecret("key");' + FOREVER)
        machine.wait_for_line(run, "started")
        yield run


@contextmanager
def in_http(machine: Machine) -> Iterator[str]:
    with silent_server() as (url, asked, answer):
        get = f'new HttpCli().Url("{url}").Get();'
        run = machine.start_run(f'Log("started"); {get} GetSecret("key"); {get} {FOREVER}')
        assert asked.wait(30)
        yield run
        answer.set()


@contextmanager
def sleeping(machine: Machine) -> Iterator[str]:
    run = machine.start_run('Log("started");' + FOREVER)
    machine.wait_for_line(run, "started")
    yield run


@contextmanager
def logging(machine: Machine) -> Iterator[str]:
    run = machine.start_run('Log("started"); for (let i = 0; ; i++) Log(`line ${i} ` + "x".repeat(200));')
    machine.wait_for_line(run, "started")
    yield run


@contextmanager
def ending(machine: Machine) -> Iterator[str]:
    """The script has come to its end, and the worker has not taken note of it."""
    roles = machine.whole()
    with silent_server() as (url, asked, answer):
        run = machine.start_run(f'new HttpCli().Url("{url}").Get(); Log("last");')
        assert asked.wait(30)
        with stopped(roles["worker"]):
            answer.set()
            # The gateway's last act is its end: it is a zombie once that is said.
            wait_until(
                lambda: machine.roles().get("gateway") != roles["gateway"] or not alive(roles["gateway"]), "the end"
            )
            yield run


Stage = Callable[[Machine], contextlib.AbstractContextManager[str | None]]
STAGES: list[Stage] = [idle, queued, claimed, computing, in_get_secret, in_http, sleeping, logging, ending]

LOST = {"lost"}
FAILED = {"failed"}
GOES_ON = {"cancelled"}
BEFORE_THE_SCRIPT = {"queued", "claimed"}


def expected(role: str, stage: str) -> set[str]:
    """Return the states that are true for a run at ``stage`` whose ``role`` was killed; whoever goes on is cancelled."""
    if stage == "ending":
        # The worker learns of the end before, or of the death.
        return {"worker": LOST, "up": LOST}.get(role, {"succeeded"})
    match role:
        case "web":
            return GOES_ON
        case "worker" | "up":
            return GOES_ON if stage == "queued" else LOST
        case "keeper":
            return FAILED if stage in {"in_get_secret", "in_http"} else GOES_ON
        case "broker":
            return FAILED if stage == "in_http" else GOES_ON
        case _:
            # A pair that dies before the script could do anything is replaced.
            return GOES_ON if stage in BEFORE_THE_SCRIPT else FAILED


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One installation for all kills; it is started anew where parts were killed, as restarts come later and later."""
    installation = Installation(tmp_path_factory.mktemp("kill"))
    installation.copy_new_home()
    installation.start()
    try:
        installation.ok("site", "set", "default", "egress_allow=127.0.0.1")
        installation.ok("secret", "set", "key", stdin=SECRET)
        (installation.folder / "check.js").write_text(CHECK)
        installation.ok("script", "push", "check.js")
        yield Machine(installation)
    finally:
        installation.stop()


def next_run_is_served(machine: Machine) -> None:
    """The stored script runs, its secret opens, and the server gets it."""
    with noting_server() as received:
        run = machine.ended(machine.start_run(script="check", params={"url": received.url}))
        assert run["state"] == "succeeded", (
            f"{run}\n{machine.log(run['id'])}\n{machine.installation.server_log()[-4000:]}"
        )
        assert machine.log(run["id"]) == ["done"]
        assert [headers["X-Key"] for _, _, headers, _ in received.requests] == [SECRET]


def assert_reason(role: str, ended: dict[str, Any]) -> None:
    """The reason names the part that failed the run, in words."""
    match ended["state"]:
        case "lost":
            assert ended["reason"].startswith("the worker stopped")
        case "failed":
            part = "zygote" if "zygote" in role else role
            assert part in ended["reason"] or "could not be started" in ended["reason"]


# A zygote's parent only carries its exit on, and takes it along: one stage shows that.
PARENTS = {"gateway zygote's parent", "runner zygote's parent"}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_kill(machine: Machine, stage: Stage) -> None:
    """Of the whole at last: it is started anew then."""
    for role in sorted({*ROLES} - PARENTS, key=lambda role: role == "up"):
        killed(stage, machine, role)


def test_kill_of_a_zygotes_parent(machine: Machine) -> None:
    for role in sorted(PARENTS):
        killed(computing, machine, role)


def killed(stage: Stage, machine: Machine, role: str) -> None:
    """Kill one part at a stage, and look at what is left."""
    print(f"kills {role}, {stage.__name__}")
    machine.whole()
    with stage(machine) as run:
        victim = machine.roles().get(role)
        if victim is not None:
            machine.kill(victim)
        else:
            assert (stage, role) in {(ending, "gateway"), (ending, "runner")}
    if role == "up":
        machine.no_orphans()
        machine.installation.start()
    if run is not None:
        states = expected(role, stage.__name__)
        if states == GOES_ON:
            if stage.__name__ in BEFORE_THE_SCRIPT:
                machine.wait_for_line(run, "started")
            machine.call("POST", f"/runs/{run}/cancel")
        ended = machine.ended(run)
        assert ended["state"] in states, (ended, machine.log(run)[-3:])
        assert_reason(role, ended)
    next_run_is_served(machine)
    machine.no_orphans()
    machine.chain_holds()
    assert [run["state"] for run in machine.call("GET", "/sites/default/runs?state=running")["items"]] == []


def test_kill_everything_at_once(installation: Installation) -> None:
    """As when the host dies: what ran is lost, what waited is run, and everything stored is there."""
    installation.environment["NIGHTDROP_CONCURRENCY"] = "1"
    installation.start()
    machine = Machine(installation)
    installation.ok("site", "set", "default", "egress_allow=127.0.0.1")
    installation.ok("secret", "set", "key", stdin=SECRET)
    (installation.folder / "check.js").write_text(CHECK)
    installation.ok("script", "push", "check.js")
    running = machine.start_run('Log("started");' + FOREVER)
    machine.wait_for_line(running, "started")
    waiting = machine.start_run('Log("waited");')
    tree = [*machine.whole().values(), *machine.seen]
    for pid in tree:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    machine.kill(machine.top)
    machine.no_orphans()
    installation.start()
    lost = machine.ended(running)
    assert lost["state"] == "lost"
    assert_reason("up", lost)
    assert machine.log(running) == ["started"]
    assert machine.ended(waiting)["state"] == "succeeded"
    next_run_is_served(machine)
    machine.no_orphans()
    machine.chain_holds()
