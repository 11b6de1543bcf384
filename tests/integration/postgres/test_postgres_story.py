"""The whole story on PostgreSQL: a secret goes in, a script uses it, parts and the database die, and no run lies."""

import json
import os
import signal
from pathlib import Path

from postgres_server import KEEPER_PASSWORD, PASSWORD, Place, PostgresServer
from support import Installation, Received, command_line, descendants_of, wait_until

SEND = """
var key = GetSecret("my-api-key");
if (key == "") Log("secret not found");
else Log("status " + new HttpCli().Url("%s/notify").Header("Authorization", "Bearer " + key).Get().StatusCode());
"""
VALUE = "sk-live-4f9a77c1d2"


def open_to_this_host(installation: Installation) -> None:
    installation.start()
    installation.ok("site", "set", "default", "egress_allow=127.0.0.1")


def test_a_secret_goes_in_and_a_script_uses_it(installation: Installation, place: Place, http_server: Received) -> None:
    open_to_this_host(installation)
    installation.ok("secret", "set", "my-api-key", stdin=VALUE)
    (installation.folder / "notify.js").write_text(SEND % http_server.url)
    installation.ok("script", "push", "notify.js")
    assert installation.ok("script", "run", "notify").out == "status 200\n"
    assert [headers["Authorization"] for _, _, headers, _ in http_server.requests] == [f"Bearer {VALUE}"]
    # The mark comes from the keeper, by way of the worker.
    wait_until(
        lambda: installation.ok("secret", "ls", "--json").json[0]["health"] == "ok", "the keeper checked the secret"
    )
    # A new site gets its key from the keeper, into its schema.
    installation.ok("site", "add", "second")
    installation.ok("secret", "set", "other", "--site", "second", stdin="of the second")
    installation.ok("secret", "rm", "my-api-key", "--yes")
    assert installation.ok("script", "run", "notify").out == "secret not found\n"
    events = next(iter(place.chains().values()))
    assert [event for event in events if event.startswith("secret.")] == ["secret.read", "secret.missing"]
    report = {check["name"]: check for check in installation.ok("doctor", "--json").json["checks"]}
    assert {check["state"] for name, check in report.items() if name != "sandbox"} == {"ok"}, report
    assert "2 audit logs hold" in report["audit"]["detail"]


def test_an_expiry_without_the_value_holds(installation: Installation, place: Place) -> None:
    installation.start()
    installation.ok("secret", "set", "ends", "--expires", "90d", stdin="value-of-ends")
    installation.ok("secret", "set", "stays", stdin="value-of-stays")
    ask = 'Log(GetSecret("ends") == "value-of-ends", HasSecret("ends"), GetSecret("stays") == "value-of-stays");'
    assert installation.exec_js(ask).out == "true true true\n"
    place.server.execute("UPDATE secret_expiries SET expires_ms = 1", place.name)
    ended = installation.exec_js(ask)
    assert ended.out.endswith("false true true\n")
    assert 'GetSecret("ends"): it has expired' in ended.out + ended.err
    installation.ok("secret", "edit", "ends", "--expires", "never")
    assert installation.exec_js(ask).out == "true true true\n"
    events = next(iter(place.chains().values()))
    assert [event for event in events if event.startswith("secret.refused")] == ["secret.refused.expired"]
    # What the metrics are made of: it says so within a second of a use.
    said = "SELECT (value::json -> 'secret_reads')::text FROM meta WHERE key LIKE 'worker_status/%'"
    counts = {"released": 5, "expired": 1}
    wait_until(
        lambda: counts.items() <= json.loads(place.server.query(said, place.name)[0][0]).items(), "reads are counted"
    )


def test_no_password_is_where_others_can_read_it(installation: Installation, place: Place) -> None:
    installation.environment["NIGHTDROP_KEEPER_DATABASE"] = place.keeper_url
    installation.start()
    assert installation.process is not None
    pids = [installation.process.pid, *descendants_of(installation.process.pid)]
    said = "".join(map(command_line, pids)) + installation.server_log()
    said += installation.ok("doctor", "--json").out + installation.ok("key", "show").out
    for password in (PASSWORD, KEEPER_PASSWORD, "app-pass", "keeper-pass"):
        assert password not in said
    # What the web process was started with does not make it the keeper's role.
    web = Path(f"/proc/{installation.pid_of('api')}/environ")
    worker = Path(f"/proc/{installation.pid_of('worker')}/environ")
    if os.geteuid() == 0:
        assert b"keeper-pass" not in web.read_bytes()
        assert b"keeper-pass" in worker.read_bytes()


def test_the_applications_role_cannot_see_the_keepers_schema(installation: Installation, place: Place) -> None:
    for table in ("site_seeds", "high_water", "audit", "recipients", "meta"):
        refused = place.refused_for_app(f"SELECT count(*) FROM nightdrop_keeper.{table}")
        assert refused == "42501", table
    for statement in (
        "CREATE TABLE nightdrop_keeper.mine (a int)",
        "DELETE FROM nightdrop_keeper.high_water",
        "DROP SCHEMA nightdrop_keeper CASCADE",
        "ALTER SCHEMA nightdrop_keeper OWNER TO CURRENT_USER",
        f"SET ROLE {place.keeper}",
    ):
        assert place.refused_for_app(statement) == "42501", statement
    # doctor notices when somebody opens it.
    place.server.execute(f"GRANT USAGE ON SCHEMA nightdrop_keeper TO {place.app}", place.name)
    checks = installation.ok("doctor", "--json").json["checks"]
    (found,) = [check for check in checks if check["name"] == "database"]
    assert found["state"] == "warn"


def test_a_killed_keeper_comes_back_and_its_chain_goes_on(installation: Installation, place: Place) -> None:
    installation.start()
    installation.ok("secret", "set", "key", stdin=VALUE)
    code = 'Log("got " + GetSecret("key").length);'
    assert installation.exec_js(code).out == f"got {len(VALUE)}\n"
    killed = installation.pid_of("worker.keeper")
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: installation.pid_of("worker.keeper") != killed, "a new keeper")
    wait_until(lambda: f"got {len(VALUE)}" in installation.exec_js(code).out, "a run that gets the value")
    (events,) = place.chains().values()
    assert events.count("keeper.started") == 2
    checks = installation.ok("doctor", "--json").json["checks"]
    assert next(check for check in checks if check["name"] == "audit")["state"] == "ok"


def test_the_server_outlives_a_crash_of_the_database(homes) -> None:
    """It crashes while a run is under way; what was answered before is there afterwards, and the run ends truly."""
    server = PostgresServer(tcp=True, settings={"synchronous_commit": "on"})
    try:
        place = Place(server, "crash")
        installation = homes("one")
        installation.environment |= {"NIGHTDROP_DATABASE": place.url, "NIGHTDROP_KEEPER_DATABASE": place.keeper_url}
        installation.init()
        installation.start()
        installation.ok("secret", "set", "key", stdin=VALUE)
        pids = [installation.pid_of(part) for part in ("api", "worker", "worker.keeper")]
        (installation.folder / "long.js").write_text(
            'Log("before " + GetSecret("key").length);'
            ' while (!HasSecret("go")) Sleep(50); Log("after " + GetSecret("key").length);'
        )
        installation.ok("script", "push", "long.js")
        installation.ok("script", "run", "long", "--no-wait")
        run = installation.ok("run", "ls", "--json").json[0]["id"]
        wait_until(lambda: "before 18" in installation.run("logs", run).out, "the run asked for its secret")
        server.halt()
        refused = installation.run("secret", "ls")
        assert refused.status == 1
        assert PASSWORD not in refused.err
        server.start()
        wait_until(lambda: installation.run("secret", "ls").status == 0, "the web process is back")
        installation.ok("secret", "set", "go", stdin="on")
        wait_until(lambda: installation.ok("run", "show", run, "--json").json["state"] != "running", "the run's end")
        assert installation.ok("run", "show", run, "--json").json["state"] == "succeeded"
        assert installation.ok("logs", run).out == "before 18\nafter 18\n"
        assert [installation.pid_of(part) for part in ("api", "worker", "worker.keeper")] == pids
        checks = installation.ok("doctor", "--json").json["checks"]
        assert next(check for check in checks if check["name"] == "audit")["state"] == "ok"
        installation.stop()
    finally:
        server.stop()


def test_a_lost_node_key_is_recovered(installation: Installation, place: Place) -> None:
    installation.start()
    installation.ok("secret", "set", "key", stdin=VALUE)
    installation.stop()
    (key,) = (installation.folder / "config" / "nightdrop" / "keys").iterdir()
    key.unlink()
    installation.ok("key", "recover", stdin=installation.recovery_key + "\n")
    installation.start()
    assert installation.exec_js('Log("got " + GetSecret("key").length);').out == f"got {len(VALUE)}\n"
    nodes = place.server.query("SELECT count(*) FROM nightdrop_keeper.recipients WHERE kind = 'node'", place.name)
    assert nodes == [(1,)]


def test_it_works_over_a_local_socket_with_the_keepers_data_in_a_file(place: Place, homes) -> None:
    made = homes("one")
    made.environment["NIGHTDROP_DATABASE"] = place.server.url(place.name)
    made.init()
    made.environment.clear()
    assert (made.home / "keeper" / "keeper.db").exists()
    made.start()
    made.ok("secret", "set", "key", stdin=VALUE)
    assert made.exec_js('Log("got " + GetSecret("key").length);').out == f"got {len(VALUE)}\n"
    made.ok("doctor")
