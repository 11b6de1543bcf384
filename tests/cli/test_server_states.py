"""What the command line says when the server is not there, is there twice, or is somebody else's."""

import json
import os
import signal
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from nightdrop.cli.client import Client
from nightdrop.cli.errors import ServerDownError
from nightdrop.db import migrations
from support import Installation, wait_until

START = "hint: Start it with: nightdrop up\n"


def test_a_server_that_does_not_run(installation: Installation) -> None:
    result = installation.run("secret", "ls")
    assert (result.status, result.out) == (1, "")
    assert result.err == f"error: No nightdrop is running on this home.\n{START}"
    assert installation.run("secret", "ls", "--json").json["error"]["code"] == "server_down"


def test_a_value_for_a_server_that_does_not_run(installation: Installation) -> None:
    for arguments in (["secret", "set", "x"], ["secret", "set", "x", "--json"]):
        result = installation.run(*arguments, stdin="needle")
        assert result.status == 1
        assert "needle" not in result.out + result.err


def test_a_socket_that_a_killed_server_left(installation: Installation) -> None:
    installation.start()
    pids = [installation.pid_of("api"), installation.pid_of("worker")]
    installation.stop(signal.SIGKILL)
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the parts are gone")
    assert (installation.home / "run" / "admin.sock").exists()
    assert installation.run("site", "ls").err == f"error: No nightdrop is running on this home.\n{START}"
    # It is in nobody's way.
    installation.start()
    assert installation.ok("site", "ls", "--json").json[0]["name"] == "default"


def test_something_else_at_the_place_of_the_socket(installation: Installation) -> None:
    (installation.home / "run" / "admin.sock").write_text("")
    assert installation.run("site", "ls").err == f"error: No nightdrop is running on this home.\n{START}"


def test_a_database_of_an_earlier_version(installation: Installation) -> None:
    database = installation.home / "data" / "app.db"
    database.unlink()
    _make_first_schema(database)
    refused = installation.run("web", "--listen", "127.0.0.1:0")
    assert refused.status == 1
    assert "hint: Start it once with: nightdrop up\n" in refused.err
    installation.start()
    found = {check["name"]: check["state"] for check in installation.run("doctor", "--json").json["checks"]}
    assert found["database"] == "ok"


def test_a_database_that_is_gone(installation: Installation) -> None:
    (installation.home / "data" / "app.db").unlink()
    result = installation.run("up", "--listen", "127.0.0.1:0", "--json")
    assert (result.status, result.json["error"]["code"]) == (1, "database_empty")


def test_a_second_server(server: Installation) -> None:
    before = server.ok("doctor", "--json").json
    result = server.run("up", "--listen", "127.0.0.1:0")
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("error: nightdrop is running on this home already, on http://127.0.0.1:")
    for part, code in (("web", "Another web process"), ("worker", "Another worker")):
        result = server.run(part)
        assert result.status == 1
        assert code in result.err
    assert [check["state"] for check in server.ok("doctor", "--json").json["checks"]] == [
        check["state"] for check in before["checks"]
    ]


def test_a_socket_that_may_not_be_used(server: Installation) -> None:
    socket = server.home / "run" / "admin.sock"
    assert socket.stat().st_mode & 0o777 == 0o600
    socket.chmod(0)
    error = _told_to_another_user(socket)
    assert error == {
        "message": "You may not use this home's admin socket.",
        "hint": "Run this as the user who owns the home directory.",
    }


def test_an_address_that_is_taken(server: Installation, tmp_path: Path) -> None:
    address = _listen(server)
    other = Installation(tmp_path / "other")
    other.folder.mkdir()
    other.init()
    result = other.run("up", "--listen", address)
    assert result.status == 1
    assert f"error: nightdrop cannot listen on {address}." in result.err
    assert "choose another with --listen" in result.err


def test_a_home_that_is_there_already(installation: Installation) -> None:
    marker = (installation.home / "nightdrop.json").read_bytes()
    result = installation.run("init")
    assert (result.status, result.out) == (1, "")
    assert "hint: Start it with: nightdrop up\n" in result.err
    assert installation.run("init", "--json").json["error"]["code"] == "home_exists"
    assert (installation.home / "nightdrop.json").read_bytes() == marker


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    result = Installation(tmp_path).run("init", "--json")
    assert result.status == 1
    assert result.json["error"]["code"] in {"home_read_only", "home_not_ours"}
    assert (tmp_path / "home").read_text() == "a file"
    assert not list((tmp_path / "config").rglob("*.key"))


def test_one_name_stored_at_the_same_instant(server: Installation) -> None:
    results = []
    together = threading.Barrier(4)

    def store(number: int) -> None:
        together.wait()
        results.append(server.run("secret", "set", "same", "--json", stdin=f"needle-{number}"))

    threads = [threading.Thread(target=store, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Each is either stored, one after the other, or says that it was not.
    stored = [result for result in results if result.status == 0]
    assert stored
    assert all(
        result.json["error"]["code"] in {"revision_conflict", "secret_exists"} for result in results if result.status
    )
    listed = server.ok("secret", "ls", "--json").json
    assert [(one["name"], one["revision"]) for one in listed] == [("same", len(stored))]
    assert "needle" not in server.server_log()


def test_a_lost_node_key_is_recovered(installation: Installation) -> None:
    installation.start()
    installation.ok("secret", "set", "kept", stdin="needle")
    installation.stop()
    key = next((installation.folder / "config").rglob("*.key"))
    key.unlink()
    for wrong in ("", "NIGHTDROP-RECOVERY-1-AAAA", installation.recovery_key[:-1]):
        result = installation.run("key", "recover", stdin=wrong + "\n")
        assert result.status == 1
        assert result.err.startswith("error: ")
        assert "hint: " in result.err
        assert not key.exists()
    wrong = installation.run("key", "recover", "--json", stdin="needle\n")
    assert (wrong.status, wrong.err) == (1, "")
    assert wrong.json["error"]["code"] == "recovery_key_invalid"
    assert "needle" not in wrong.out
    made = installation.ok("key", "recover", "--json", stdin=installation.recovery_key + "\n").json
    assert made["node_key"] == str(key)
    installation.start()
    assert installation.exec_js('Log(GetSecret("kept") === "needle");').out == "true\n"


def test_a_node_key_is_replaced(installation: Installation) -> None:
    made = installation.ok("key", "rewrap", "--json").json
    assert Path(made["node_key"]).exists()
    assert "Start nightdrop again." in installation.ok("key", "rewrap").out
    installation.start()
    refused = installation.run("key", "rewrap", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "keeper_running")


def test_the_demo_leaves_nothing(tmp_path: Path) -> None:
    place = Installation(tmp_path, environment={"TMPDIR": str(tmp_path)})
    # What belongs to the user's own home is not touched.
    place.environment |= {
        "NIGHTDROP_DATABASE": "postgresql+psycopg://nobody@127.0.0.1:1/none",
        "NIGHTDROP_KEEPER_DATABASE": "postgresql://nobody@127.0.0.1:1/none",
        "NIGHTDROP_NODE_KEY": str(tmp_path / "node.key"),
    }
    assert place.run("demo", "--home", str(tmp_path / "mine")).status == 2
    assert place.ok("demo", "--json").json == {"header_arrived": True, "traces": []}
    shown = place.ok("demo").out
    assert "The HTTP server got the header: yes." in shown
    assert "hold the value: 0." in shown
    assert list(tmp_path.iterdir()) == []


def _make_first_schema(database: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__path__[0])))
    config.set_main_option("path_separator", "os")
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()


def _listen(server: Installation) -> str:
    with Client(server.home / "run" / "admin.sock") as client:
        return str(client.get("/status")["listen"])


def _told_to_another_user(socket: Path) -> dict[str, str]:
    """Return the error that somebody gets who may not use the socket; root, who may use all, becomes nobody."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            Client(socket).get("/status")
        except ServerDownError as error:
            os.write(write, json.dumps({"message": error.message, "hint": error.hint}).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as answer:
        return dict(json.loads(answer.read()))
