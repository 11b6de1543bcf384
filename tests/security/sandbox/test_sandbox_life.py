"""What confined processes must still be able to do: a sandbox nobody can live in gets switched off."""

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nightdrop import sandbox
from nightdrop.core.wire import Channel
from nightdrop.sandbox import NoSandboxError, SandboxLevel
from nightdrop.sandbox.libc import prctl


def must_be(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError


def confined(kind: str, channel: socket.socket, **options: object):
    confine = getattr(sandbox.prepare(**options), f"confine_{kind}")
    return lambda keep: confine([*keep, channel.fileno()])


@pytest.mark.parametrize("kind", ["runner", "gateway"])
def test_frames_pass_over_an_inherited_channel(in_child, kind):
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    channel = Channel(theirs)

    def answer() -> None:
        channel.send_json({"got": channel.recv_json()})

    answers: list[object] = []

    def ask() -> None:
        peer = Channel(ours)
        peer.send_json({"big": "x" * 300_000})
        answers.append(peer.recv_json())

    asking = threading.Thread(target=ask)
    found = in_child(answer, enter=confined(kind, theirs), fork=lambda: fork_then(asking))
    asking.join()
    assert found == "ok"
    assert answers == [{"got": {"big": "x" * 300_000}}]
    ours.close()
    theirs.close()


def fork_then(thread: threading.Thread) -> int:
    pid = os.fork()
    if pid:
        thread.start()
    return pid


def test_a_late_import_in_a_runner_is_an_import_error(in_child):
    def late_import() -> None:
        import this  # noqa: F401  a module nothing else imports

    assert in_child(late_import, enter=sandbox.prepare().confine_runner, fork=os.fork) == "ModuleNotFoundError"


def test_a_traceback_in_a_runner_can_be_printed(in_child):
    import traceback

    def fail_and_format() -> None:
        try:
            raise ValueError("x")  # noqa: TRY301  the traceback is what is tested
        except ValueError:
            must_be("ValueError: x" in traceback.format_exc(), True)

    assert in_child(fail_and_format, enter=sandbox.prepare().confine_runner, fork=os.fork) == "ok"


def test_a_runner_can_compute_and_allocate(in_child):
    def work() -> None:
        data = [json.dumps({"n": n}) for n in range(20_000)]
        must_be(len(bytearray(64 * 1024 * 1024)) + len(data), 64 * 1024 * 1024 + 20_000)
        os.urandom(16)

    assert in_child(work, enter=sandbox.prepare().confine_runner, fork=os.fork) == "ok"


@pytest.mark.parametrize("kind", ["runner", "gateway"])
def test_a_process_can_signal_itself(in_child, kind):
    def raise_and_catch() -> None:
        seen: list[int] = []
        signal.signal(signal.SIGUSR1, lambda number, _: seen.append(number))
        signal.raise_signal(signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        must_be(seen, [signal.SIGUSR1] * 2)

    assert in_child(raise_and_catch, enter=getattr(sandbox.prepare(), f"confine_{kind}"), fork=os.fork) == "ok"


def test_a_gateway_can_use_threads(in_child):
    def start_and_join() -> None:
        seen: list[int] = []
        threads = [threading.Thread(target=seen.append, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        must_be(sorted(seen), [0, 1, 2, 3])

    assert in_child(start_and_join, enter=sandbox.prepare().confine_gateway, fork=os.fork) == "ok"


def test_a_gateway_can_run_an_event_loop(in_child):
    import asyncio

    def loop() -> None:
        async def three() -> int:
            reader, writer = await asyncio.open_connection(sock=one)
            other.sendall(b"abc")
            read = await reader.readexactly(3)
            writer.close()
            return len(read)

        one, other = socket.socketpair()
        must_be(asyncio.run(three()), 3)

    assert in_child(loop, enter=sandbox.prepare().confine_gateway, fork=os.fork) == "ok"


def test_a_gateway_talks_over_a_socket_that_was_connected_for_it(in_child):
    with socket.create_server(("127.0.0.1", 0)) as server:
        connected = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()

    def talk() -> None:
        connected.settimeout(20)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        must_be(connected.recv(4), b"ping")
        connected.sendall(b"pong")
        must_be(connected.getpeername()[0], "127.0.0.1")
        connected.shutdown(socket.SHUT_RDWR)

    accepted.sendall(b"ping")
    assert in_child(talk, enter=confined("gateway", connected), fork=os.fork) == "ok"
    assert accepted.recv(4) == b"pong"
    accepted.close()
    connected.close()


def use_files(site: Path) -> None:
    (site / "in" / "deep").mkdir(parents=True)
    (site / "in" / "a.txt").write_bytes(b"abc")
    (site / "in" / "a.txt").rename(site / "in" / "deep" / "b.txt")
    with (site / "in" / "deep" / "b.txt").open("r+b") as file:
        file.truncate(2)
        os.utime(file.fileno(), (1, 1))
        os.fchmod(file.fileno(), 0o600)
        os.fsync(file.fileno())
    must_be([entry.name for entry in os.scandir(site / "in" / "deep")], ["b.txt"])
    must_be((site / "in" / "deep" / "b.txt").stat().st_size, 2)
    (site / "in" / "deep" / "b.txt").unlink()
    (site / "in" / "deep").rmdir()


def test_a_gateway_uses_its_sites_files_and_no_other_sites(in_child, tmp_path):
    for name in ("one", "two", "common"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)

    def narrowed() -> None:
        sandbox.restrict_files([(str(tmp_path / "one"), "rw"), (str(tmp_path / "common"), "ro")])

    def own() -> None:
        narrowed()
        use_files(tmp_path / "one")
        must_be((tmp_path / "common" / "file").read_text(), "common")

    def read_the_other() -> None:
        narrowed()
        (tmp_path / "two" / "file").read_text()

    def write_what_is_read_only() -> None:
        narrowed()
        (tmp_path / "common" / "file").write_text("changed")

    def gain_by_moving() -> None:
        narrowed()
        (tmp_path / "common" / "file").rename(tmp_path / "one" / "gained")

    def before_narrowing() -> None:
        (tmp_path / "two" / "file").read_text()

    prepared = sandbox.prepare(files=str(tmp_path))
    for action, expected in (
        (own, "ok"),
        (before_narrowing, "ok"),
        (read_the_other, "EACCES"),
        (write_what_is_read_only, "EACCES"),
        (gain_by_moving, "EACCES"),
    ):
        assert in_child(action, enter=prepared.confine_gateway, fork=os.fork) == expected, action.__name__


def test_entering_in_namespaces_works_as_it_does_outside(in_child):
    def look_and_confine() -> None:
        must_be(os.getpid(), 1)
        must_be(os.uname().nodename, "nightdrop")
        must_be([entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()], ["1"])
        prepared = sandbox.prepare()
        sandbox.drop_capabilities()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            prepared.confine_gateway([writer])
            os.write(writer, b"in")
            os._exit(0)
        must_be(os.waitpid(pid, 0)[1], 0)
        must_be(os.read(reader, 2), b"in")

    assert in_child(look_and_confine, enter=lambda _: None, fork=sandbox.clone_into_namespaces) == "ok"


def test_python_and_the_c_library_notice_the_clone(in_child):
    seen: list[str] = []

    def look() -> None:
        os.register_at_fork(after_in_child=lambda: seen.append("child"))
        pid = sandbox.clone_into_namespaces()
        if pid == 0:
            slot = ctypes.c_void_p()
            prctl(40, ctypes.addressof(slot))  # PR_GET_TID_ADDRESS
            known = ctypes.c_int.from_address(slot.value or 0).value
            os._exit(0 if seen == ["child"] and known == threading.get_native_id() == 1 else 1)
        must_be(os.waitpid(pid, 0)[1], 0)

    assert in_child(look, enter=lambda _: None, fork=os.fork) == "ok"


def test_preparing_loads_what_the_end_of_a_thread_needs():
    # a fresh interpreter: here some test may have loaded it already
    program = (
        "from pathlib import Path; from nightdrop import sandbox; maps = Path('/proc/self/maps');"
        "before = 'libgcc_s' in maps.read_text(); sandbox.prepare(); print(before, 'libgcc_s' in maps.read_text())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False True\n"


def test_the_user_keeps_its_number_in_namespaces(in_child):
    uid = os.getuid()
    assert in_child(lambda: must_be(os.getuid(), uid), enter=lambda _: None, fork=sandbox.clone_into_namespaces) == "ok"


def level(**changes: object) -> SandboxLevel:
    values: dict[str, object] = {
        "arch": "x86_64",
        "kernel": "6.12",
        "landlock_abi": 6,
        "seccomp": True,
        "namespaces": frozenset({"user", "net", "pid", "ipc", "mnt", "uts"}),
        "user": 1000,
    }
    return SandboxLevel(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "expected", "word"),
    [
        ({}, "full", None),
        ({"namespaces": frozenset({"user", "net", "pid"})}, "full", "namespaces (ipc, mnt, uts)"),
        ({"namespaces": frozenset()}, "partial", "namespaces (user"),
        ({"landlock_abi": 1}, "full", "TCP rules"),
        ({"landlock_abi": 5}, "full", "scopes"),
        ({"landlock_abi": 0}, "none", "lsm="),
        ({"seccomp": False}, "none", "CONFIG_SECCOMP_FILTER"),
        ({"arch": "riscv64", "seccomp": False, "landlock_abi": 0}, "none", "riscv64"),
    ],
)
def test_the_report_names_level_and_remedy(changes, expected, word):
    found = level(**changes)
    assert found.level == expected
    assert found.ok_to_run == (expected != "none")
    assert found.lines()[0].startswith(f"sandbox: {expected}")
    missing = [line for line in found.lines() if "missing" in line]
    assert any(word in line for line in missing) if word else missing == []


def test_this_machine_has_everything():
    found = sandbox.probe()
    assert found.level == "full", "\n".join(found.lines())


def test_without_a_layer_nothing_is_prepared_unless_permissive():
    lacking = level(landlock_abi=0)
    with pytest.raises(NoSandboxError) as caught:
        sandbox.prepare(level=lacking)
    assert 'sandbox = "permissive"' in caught.value.hint
    permissive = sandbox.prepare(level=lacking, permissive=True)
    assert permissive.missing == ("landlock",)
    assert sandbox.prepare().missing == ()


def test_permissive_still_uses_the_layers_that_are_there(in_child):
    prepared = sandbox.prepare(level=level(seccomp=False), permissive=True)

    def open_file() -> None:
        Path("/etc/passwd").read_bytes()

    assert in_child(open_file, enter=prepared.confine_runner, fork=os.fork) == "EACCES"


@pytest.mark.parametrize("kind", ["runner", "gateway"])
def test_without_both_layers_the_rest_is_still_done(in_child, kind):
    prepared = sandbox.prepare(level=level(seccomp=False, landlock_abi=0), permissive=True)
    assert prepared.missing == ("landlock", "seccomp")

    def look() -> None:
        lines = Path("/proc/self/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        must_be([int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")], [0, 0, 0, 0])
        must_be(int(status["NoNewPrivs"]), 1)
        must_be(prctl(3), 0)  # PR_GET_DUMPABLE
        signal_number = ctypes.c_int()
        prctl(2, ctypes.addressof(signal_number))  # PR_GET_PDEATHSIG
        must_be(signal_number.value, signal.SIGKILL)

    assert in_child(look, enter=getattr(prepared, f"confine_{kind}"), fork=os.fork) == "ok"


@pytest.mark.parametrize("kind", ["runner", "gateway"])
def test_limits_at_the_start(in_child, kind):
    expected = {"runner": (16, 0), "gateway": (256, resource.RLIM_INFINITY)}[kind]

    def look() -> None:
        found = [resource.getrlimit(which)[1] for which in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE)]
        must_be(tuple(found), expected)
        must_be(resource.getrlimit(resource.RLIMIT_CORE), (0, 0))

    assert in_child(look, enter=getattr(sandbox.prepare(), f"confine_{kind}"), fork=os.fork) == "ok"


def test_one_gateway_reaches_a_directory_more_and_the_next_does_not(in_child, tmp_path):
    for name in ("sites", "given", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    prepared = sandbox.prepare(files=str(tmp_path / "sites"))

    def more(keep: list[int]) -> None:
        # By descriptor, as a zygote does it.
        fd = os.open(tmp_path / "given", os.O_PATH | os.O_DIRECTORY)
        prepared.confine_gateway(keep, [(fd, "ro")])

    def read(name: str) -> None:
        must_be((tmp_path / name / "file").read_text(), name)

    def write() -> None:
        (tmp_path / "given" / "file").write_text("changed")

    for confine, action, expected in (
        (more, lambda: read("given"), "ok"),
        (more, lambda: read("sites"), "ok"),
        (more, lambda: read("other"), "EACCES"),
        (more, write, "EACCES"),
        (prepared.confine_gateway, lambda: read("given"), "EACCES"),
        (prepared.confine_gateway, lambda: read("sites"), "ok"),
    ):
        assert in_child(action, enter=confine, fork=os.fork) == expected
