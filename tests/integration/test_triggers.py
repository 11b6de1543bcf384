"""Triggers on a real installation: what they start, with nobody asking for it."""

import hashlib
import hmac
import json
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing

from support import Installation, wait_until


def push(installation: Installation, name: str, code: str) -> None:
    file = installation.folder / f"{name}.js"
    file.write_text(code)
    installation.ok("script", "push", str(file))


def runs_of(installation: Installation, script: str) -> list:
    listed = installation.ok("run", "ls", "--json").json
    return [run for run in listed if run["script_name"] == script]


def test_a_request_runs_a_script_and_what_comes_after_it(shared_server: Installation) -> None:
    server = shared_server
    push(server, "deploy", "Log('got ' + JSON.parse(Params.Request.Body).what)")
    push(server, "report", "Log('after ' + Params.After.Script + ' ' + Params.After.State)")
    hook = server.ok("trigger", "add", "webhook", "deploy", "--json").json["hook"]
    server.ok("trigger", "add", "after", "report", "script=deploy")
    request = urllib.request.Request(server.started["url"] + hook, b'{"what": "a push"}', method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 202
        run = json.load(answer)["run"]
    assert server.ok("logs", run, "--follow").out == "got a push\n"
    (after,) = wait_until(lambda: runs_of(server, "report"), "the run after it")
    assert server.ok("logs", after["id"], "--follow").out == "after deploy succeeded\n"


def test_a_schedule_runs_a_script(shared_server: Installation) -> None:
    server = shared_server
    push(server, "tick", "Log('due ' + Params.Schedule.Due + ' ' + Params.what)")
    made = server.ok("trigger", "add", "schedule", "tick", "cron=* * * * * *", "--param", "what=it", "--json").json
    wait_until(lambda: [run for run in runs_of(server, "tick") if run["state"] == "succeeded"], "a run that ended")
    server.ok("trigger", "disable", made["id"])
    run = runs_of(server, "tick")[-1]
    assert run["created_by"] == f"schedule:{made['id']}"
    assert "due 20" in server.ok("logs", run["id"]).out
    assert server.ok("trigger", "show", made["id"], "--json").json["last_ms"] is not None
    assert "off" in server.ok("trigger", "ls").out
    assert server.ok("trigger", "rm", made["id"]).out.endswith("removed.\n")


def test_a_script_that_lacks_what_it_requires_does_not_begin(shared_server: Installation) -> None:
    server = shared_server
    server.ok("secret", "set", "there", stdin="value")
    push(server, "needs", "// requires: there, not there, nor there\nLog('begun')")
    failed = server.run("script", "run", "needs")
    assert failed.status == 1
    assert "requires secrets that the site does not have: not there, nor there" in failed.out + failed.err
    assert "begun" not in failed.out
    push(server, "needs", "// requires: there\nLog('begun')")
    assert server.ok("script", "run", "needs").out == "begun\n"


def test_a_request_that_is_not_signed_right_runs_nothing(shared_server: Installation) -> None:
    server = shared_server
    server.ok("secret", "set", "hub", stdin="signing-key-of-the-hub")
    push(server, "signed", "Log('begun'); Log(GetSecret('hub') === '' ? 'kept' : 'given');")
    hook = server.ok("trigger", "add", "webhook", "signed", "signed_by=hub", "--json").json["hook"]

    def send(signature: str) -> tuple[str, str]:
        headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json"}
        request = urllib.request.Request(server.started["url"] + hook, b'{"a": 1}', headers, method="POST")
        with urllib.request.urlopen(request) as answer:
            run = json.load(answer)["run"]
        done = server.run("logs", run, "--follow")
        return server.ok("run", "show", run, "--json").json["state"], done.out + done.err

    right = hmac.digest(b"signing-key-of-the-hub", b'{"a": 1}', hashlib.sha256).hex()
    state, log = send(f"sha256={right}")
    assert state == "succeeded"
    assert "begun" in log
    state, log = send(f"sha256={right[:-1]}{'0' if right[-1] != '0' else '1'}")
    assert (state, "begun" in log) == ("failed", False)
    assert "the request is not signed as the webhook wants it; nothing was run" in log
    [secret] = [one for one in server.ok("secret", "ls", "--json").json if one["name"] == "hub"]
    # The script that names it, and the trigger.
    assert secret["used_by"] == 2
    server.ok("secret", "rm", "hub", "--yes")
    empty = hmac.digest(b"", b'{"a": 1}', hashlib.sha256).hex()
    assert send(empty)[0] == "failed"


def test_a_request_is_answered_by_the_script(shared_server: Installation) -> None:
    server = shared_server
    server.ok("secret", "set", "answer-key", stdin="needle-in-the-answer")
    push(
        server,
        "answers",
        """
        const asked = JSON.parse(Params.Request.Body);
        if (asked.json) Respond(201, {hello: asked.json, key: GetSecret("answer-key")});
        if (asked.text) Log(Respond(404, asked.text), Respond(200, "again"), Respond(99, "x"));
        if (asked.large) Log(Respond(200, "x".repeat(200000)));
        if (asked.wait) { Respond(200, "early"); Sleep(600000); }
        if (asked.fail) missing();
        """,
    )
    hook = server.ok("trigger", "add", "webhook", "answers", "answer=script", "wait_s=60", "--json").json["hook"]

    def ask(**body: object) -> tuple[int, str, str]:
        data = json.dumps(body).encode()
        request = urllib.request.Request(server.started["url"] + hook, data, method="POST")
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.headers["content-type"], answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.headers["content-type"], refused.read().decode()

    assert ask(json="you") == (201, "application/json", '{"hello":"you","key":"***"}')
    assert ask(text="<b>größe</b>") == (404, "text/plain; charset=utf-8", "<b>größe</b>")
    newest = runs_of(server, "answers")[0]["id"]
    log = server.ok("logs", newest, "--follow")
    assert log.out == "true false false\n"
    assert "the answer is given already" in log.err
    assert "the status must be a number from 200 to 599" in log.err
    # A script that goes on does not keep the request waiting.
    assert ask(wait=1) == (200, "text/plain; charset=utf-8", "early")
    server.ok("run", "cancel", runs_of(server, "answers")[0]["id"])
    status, _, body = ask()
    assert (status, json.loads(body)["state"]) == (200, "succeeded")
    status, _, body = ask(large=1)
    assert (status, json.loads(body)["state"]) == (200, "succeeded")
    status, _, body = ask(fail=1)
    assert (status, json.loads(body)["state"]) == (502, "failed")
    assert server.exec_js("Log(Respond(200, 'x'))").out == "false\n"
    with closing(sqlite3.connect(server.home / "data" / "app.db", timeout=30)) as database:
        assert database.execute("SELECT count(*) FROM run_answers").fetchone() == (0,)
