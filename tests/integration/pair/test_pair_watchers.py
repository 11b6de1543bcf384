"""Watchers and the halt signal, over a real gateway and runner, both confined."""

import os
import signal

import pytest


@pytest.fixture(autouse=True)
def site(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path


def test_a_function_is_called_for_what_changes_until_the_run_is_to_end(pair, site):
    pair.start("""
        const watcher = new FsWatcher();
        watcher.WatchDir("in");
        watcher.Start((event) => {
          Log(event.Event === EVT_CREATE, event.Object, event.TimeStamp instanceof Date);
          if (event.Object === "in/last") WriteTextFile("seen", "");
        });
        Log("started");
        Log("halt:", WaitForHaltSignal(), HaltSignalReceived);
        Log("stop:", watcher.Stop(), watcher.Stop());
    """)
    assert pair.control.recv_json() == {"t": "begun"}
    assert pair.control.recv_json() == {"t": "listens"}
    assert [line[2] for line in pair.control.recv_json()["lines"]] == ["started"]
    (site / "in" / "first").touch()
    assert [line[2] for line in pair.control.recv_json()["lines"]] == ["true in/first true"]
    pair.control.send_json({"op": "halt"})
    result = pair.finish()
    assert result.end["state"] == "succeeded"
    assert result.texts == ["halt: true true", "stop: true false"]


def test_events_are_kept_for_a_script_that_asks(pair):
    result = pair.run("""
        const watcher = new FsWatcher();
        watcher.InclusionFilter = ["*.csv"];
        Log(watcher.WatchDir("in", true) === watcher, watcher.Start());
        WriteTextFile("in/a.csv", "1"); WriteTextFile("in/b.txt", "1"); MakeDir("in/sub");
        const seen = [];
        while (seen.length < 2) { seen.push(...watcher.Events()); Sleep(50); }
        for (const { Event, Object } of seen) Log(Event, Object);
        watcher.Stop();
        Log(watcher.Events().length, HaltSignalReceived);
    """)
    assert result.texts == ["true true", "CREATE in/a.csv", "WRITE in/a.csv", "0 false"]


def test_sleep_calls_functions_but_not_while_one_is_at_work(pair):
    result = pair.run("""
        const watcher = new FsWatcher();
        watcher.WatchDir("in");
        let depth = 0;
        watcher.Start(({ Event, Object }) => {
          depth += 1;
          Log(depth, Event, Object);
          if (Object === "in/a") { MakeDir("in/b"); Sleep(500); }
          depth -= 1;
          if (Object === "in/b") { watcher.Stop(); MakeDir("in/c"); }
        });
        MakeDir("in/a");
        Sleep(1500);
        Log("end", WaitForHaltSignal(300));
    """)
    assert result.texts == ["1 CREATE in/a", "1 CREATE in/b", "end false"]


def test_an_error_in_the_function_fails_the_run_with_its_line(pair):
    result = pair.run(
        'const watcher = new FsWatcher(); watcher.WatchDir("in");\n'
        'watcher.Start(() => {\n  throw new Error("no") });\n'
        'MakeDir("in/a"); WaitForHaltSignal();'
    )
    assert (result.end["state"], result.error["message"], result.error["line"]) == ("failed", "no", 3)


def test_what_cannot_be_watched_is_said(pair, site):
    (site / "gone").mkdir()
    result = pair.run("""
        const watcher = new FsWatcher();
        Log(watcher.Start());
        Log(watcher.WatchDir("nowhere").Start());
        Log(new FsWatcher().WatchDir("../..").Start(() => {}));
        Log(new FsWatcher().WatchDir("in").Start("x"));
        const going = new FsWatcher();
        going.Delay = 3;
        going.WatchDir("gone").Start();
        DelDir("gone");
        Sleep(300); going.Events(); Sleep(300); going.Events();
        const many = new FsWatcher();
        for (let i = 0; i < 101; i++) many.WatchDir("in");
        Log(many.Start());
        Log(WaitForHaltSignal(-1));
    """)
    lines = [text for text in result.texts if text != "false"]
    assert result.texts.count("false") == 6
    assert lines[:2] == [
        "FsWatcher.Start: no directory was given with WatchDir",
        "FsWatcher.Start 'nowhere': it does not exist",
    ]
    assert lines[2].startswith("FsWatcher.Start '../..': ")
    assert lines[3] == "FsWatcher.Start: callback must be a function"
    assert lines[4].startswith('FsWatcher has no field "Delay"')
    assert lines[5] == "FsWatcher 'gone': it does not exist; it goes on when the directory is there again"
    assert lines[6] == "FsWatcher.Start: a script may watch 100 directories"
    assert lines[7:] == ["WaitForHaltSignal: the time must be a number of milliseconds, 0 or more"]


def test_a_waiting_run_ends_with_its_worker(pair):
    pair.start("WaitForHaltSignal()")
    assert pair.control.recv_json() == {"t": "begun"}
    assert pair.control.recv_json() == {"t": "listens"}
    pair.control.close()
    for role, pid in pair.pids.items():
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != -signal.SIGKILL, role
    pair.pids = {}
