"""``nightdrop audit`` on a real installation: what happened, and whether the record of it is whole."""

import sqlite3

from support import Installation, wait_until


def cut(installation: Installation, folder: str, file: str, keep: int) -> None:
    connection = sqlite3.connect(installation.home / folder / file)
    with connection:
        connection.execute("DELETE FROM audit WHERE seq > ?", (keep,))
    connection.close()


def test_it_lists_verifies_and_exports(server: Installation) -> None:
    server.ok("secret", "set", "a-key", stdin="a value nobody sees")
    server.exec_js("GetSecret('a-key'); GetSecret('other')")
    listed = server.ok("audit", "ls", "--json").json
    events = [(entry["log"], entry["event"]) for entry in listed]
    for expected in (("site", "secret.created"), ("keeper", "secret.read"), ("keeper", "secret.missing")):
        assert expected in events
    assert [entry["at_ms"] for entry in listed] == sorted(entry["at_ms"] for entry in listed)
    shown = server.ok("audit", "ls", "--limit", "5").out
    assert len(shown.splitlines()) == 6
    assert "a value" not in shown
    wait_until(lambda: server.run("audit", "checkpoint").status == 0, "the first checkpoint")
    assert server.ok("audit", "verify", "--json").json["ok"]
    # The last checkpoint is signed when the server stops, and covers everything.
    server.stop()
    exported = server.folder / "checkpoint.txt"
    exported.write_text(server.ok("audit", "checkpoint").out)
    verified = server.ok("audit", "verify", "--against", str(exported))
    assert verified.out.count("ok  ") == 7
    assert "agree with 3 checkpoints" in server.run("doctor").out
    cut(server, "keeper", "keeper.db", 2)
    noticed = server.run("audit", "verify")
    assert noticed.status == 1
    assert "FAIL  The keeper's log has 2 entries, and had " in noticed.out
    doctor = server.run("doctor")
    assert doctor.status == 1
    assert "FAIL  audit" in doctor.out
    server.start()
    wait_until(lambda: "At some time" in server.run("audit", "verify").out, "the keeper notices and goes on")
    assert "warn  audit" in server.run("doctor").out
    assert server.ok("audit", "accept").out == "Accepted: keeper.\n"
    assert server.ok("audit", "accept").out == "There is nothing to accept.\n"
    assert server.run("audit", "verify").status == 0
    assert "audit.cut_accepted" in server.ok("audit", "ls").out
    # What was kept elsewhere is not to be talked out of it.
    assert server.run("audit", "verify", "--against", str(exported)).status == 1


def test_what_is_not_a_checkpoint_is_refused(installation: Installation) -> None:
    file = installation.folder / "anything"
    for text in ("", "hello\n", "nightdrop/keeper/0000000000000000\n1\n", "\N{EM DASH} a b\n"):
        file.write_text(text)
        refused = installation.run("audit", "verify", "--against", str(file))
        assert refused.status == 1
        assert "hint: " in refused.err
    missing = installation.run("audit", "checkpoint", "--json")
    assert missing.status == 1
    assert "no signed checkpoint yet" in missing.json["error"]["message"]


def test_another_keepers_database_is_not_believed(installation: Installation) -> None:
    connection = sqlite3.connect(installation.home / "keeper" / "keeper.db")
    with connection:
        connection.execute("UPDATE identity SET public = zeroblob(32)")
    connection.close()
    refused = installation.run("audit", "verify")
    assert refused.status == 1
    assert "another identity" in refused.err
