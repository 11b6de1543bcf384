import os
import select
import stat
import subprocess
import sys

import pytest

from nightdrop.runs.bell import Bell


@pytest.fixture
def bell(tmp_path):
    bell = Bell(tmp_path / "wake")
    yield bell
    bell.close()


def ready(listener):
    return bool(select.select([listener], [], [], 5)[0])


def test_every_listener_of_the_role_hears_a_ring(bell):
    first, second, other = bell.listen("worker"), bell.listen("worker"), bell.listen("web")
    assert bell.ring("worker") == 2
    assert ready(first)
    assert first.drain()
    assert second.drain()
    assert not other.drain()
    assert not first.drain()
    for listener in (first, second, other):
        listener.close()


def test_a_ring_with_nobody_there_is_no_error(bell, tmp_path):
    assert bell.ring("worker") == 0
    (tmp_path / "wake").mkdir()
    assert bell.ring("worker") == 0


def test_only_the_owner_may_ring(bell, tmp_path):
    mask = os.umask(0)
    try:
        listener = bell.listen("worker")
    finally:
        os.umask(mask)
    (path,) = (tmp_path / "wake").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    listener.close()


def test_closing_removes_the_socket(bell, tmp_path):
    listener = bell.listen("worker")
    listener.close()
    listener.close()
    assert list((tmp_path / "wake").iterdir()) == []


def test_the_socket_of_a_killed_process_is_removed(bell, tmp_path):
    code = (
        "import sys; from pathlib import Path; from nightdrop.runs.bell import Bell\n"
        "ear = Bell(Path(sys.argv[1])).listen('worker'); print('up', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-I", "-c", code, str(tmp_path / "wake")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        assert bell.ring("worker") == 1
        process.kill()
    assert bell.ring("worker") == 0
    assert list((tmp_path / "wake").iterdir()) == []


def test_a_flood_does_not_block(bell):
    listener = bell.listen("worker")
    for _ in range(3000):
        assert bell.ring("worker") == 1
    assert listener.drain()
    assert not listener.drain()
    listener.close()


def test_a_deep_directory_works(tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    bell = Bell(deep)
    listener = bell.listen("web")
    assert bell.ring("web") == 1
    assert listener.drain()
    listener.close()
    bell.close()


@pytest.mark.parametrize("role", ["", "Web", "we-b", "../x"])
def test_a_role_is_a_plain_word(bell, role):
    with pytest.raises(ValueError, match="role"):
        bell.ring(role)
