"""Watched folders on a running server."""

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from support import DEADLINE_S, Installation, wait_until

FILES = 1000


@pytest.fixture
def server(tmp_path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    made.copy_new_home()
    made.start()
    yield made
    made.stop()


def test_a_thousand_files_at_once_are_each_handled_once_also_when_the_worker_is_killed(server: Installation) -> None:
    folder = server.home / "sites" / server.ok("site", "show", "default", "--json").json["id"] / "files" / "in"
    folder.mkdir(parents=True)
    (server.folder / "take.js").write_text('AppendTextFile("taken", ReadTextFile(CtxRelPath()) + "\\n");')
    server.ok("script", "push", "take.js")
    server.ok("trigger", "add", "folder", "take", "path=in", "settle_s=0", "every_s=0.2", "existing=yes")

    database = server.home / "data" / "app.db"

    def queued() -> list[str]:
        with closing(sqlite3.connect(database, timeout=30)) as connection:
            found = connection.execute("SELECT params FROM runs WHERE created_by LIKE 'folder:%'").fetchall()
        return [json.loads(row[0])["File"]["Name"] for row in found]

    (folder / "first").write_text("first")
    wait_until(queued, "a run for the first file")
    for number in range(FILES):
        (folder / f".{number}").write_text(str(number))
        (folder / f".{number}").rename(folder / f"{number}")
    wait_until(lambda: len(queued()) > 50, "runs for some of the files")
    os.kill(server.pid_of("worker"), signal.SIGKILL)
    # The runs that these are take the processors meanwhile.
    wait_until(lambda: len(queued()) >= FILES + 1, "a run for every file", 4 * DEADLINE_S)
    assert sorted(queued()) == sorted(["first", *map(str, range(FILES))])
