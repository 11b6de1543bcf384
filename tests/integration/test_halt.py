"""Scripts that run until they are told to end, on a running server."""

from machine import Machine
from support import Installation

WATCHING = """
const watcher = new FsWatcher();
watcher.WatchDir(".");
watcher.Start(({ Event, Object }) => Log(Event, Object));
Log("watching");
WaitForHaltSignal();
watcher.Stop();
Log("tidied up");
"""


def test_a_run_may_end_itself_when_it_is_cancelled_its_time_is_over_or_the_server_stops(server: Installation) -> None:
    machine = Machine(server)
    run = machine.start_run(WATCHING)
    machine.wait_for_line(run, "watching")
    site = server.ok("site", "show", "default", "--json").json["id"]
    (server.home / "sites" / site / "files" / "a").touch()
    machine.wait_for_line(run, "CREATE a")
    machine.call("POST", f"/runs/{run}/cancel")
    assert machine.ended(run)["state"] == "cancelled"
    assert machine.log(run) == ["watching", "CREATE a", "tidied up"]

    run = machine.start_run(WATCHING, timeout_s=1)
    ended = machine.ended(run)
    assert (ended["state"], ended["reason"]) == ("timed_out", "took longer than 1 s")
    assert machine.log(run) == ["watching", "tidied up"]

    run = machine.start_run(WATCHING)
    machine.wait_for_line(run, "watching")
    server.stop()
    server.start()
    ended = machine.run(run)
    assert (ended["state"], ended["reason"]) == ("cancelled", "the worker was stopped")
    assert machine.log(run) == ["watching", "tidied up"]
