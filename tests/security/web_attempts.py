"""Run as the web process is run, then try everything to open a secret. Prints {attempt: outcome}; "" is a success.

Arguments: home, node key, ids of other processes as JSON.
"""

# ruff: noqa: PTH208 - iterdir would only look when it is asked for the first entry

import ctypes
import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nightdrop.api.server  # noqa: F401 - what the web process has imported
from nightdrop.core.home import open_home
from nightdrop.sandbox.process import harden
from nightdrop.sandbox.web import confine_web, forbid_connections

HOME, NODE_KEY = Path(sys.argv[1]), Path(sys.argv[2])
PIDS: dict[str, int] = json.loads(sys.argv[3])
LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH = 16
BYTES = ctypes.create_string_buffer(64)


class Handle(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint), ("kind", ctypes.c_int), ("bytes", ctypes.c_char * 128)]


class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


def checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def handle_of(path: Path) -> Handle | None:
    """Take a handle while the file can still be seen; not every file system gives one."""
    handle, mount = Handle(size=128), ctypes.c_int()
    result = LIBC.name_to_handle_at(-100, bytes(path), ctypes.byref(handle), ctypes.byref(mount), 0)
    return handle if result == 0 else None


def open_handle(handle: Handle | None) -> None:
    if handle is None:
        raise OSError("no handle")
    directory = os.open(HOME / "data", os.O_RDONLY)
    os.read(checked(LIBC.open_by_handle_at(directory, ctypes.byref(handle), os.O_RDONLY)), 1)


def first_writable(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if " rw" in line)
    return int(line.split("-")[0], 16)


def peek(pid: int, address: int) -> None:
    ours = Part(ctypes.addressof(BYTES), 64)
    theirs = Part(address, 64)
    checked(LIBC.process_vm_readv(pid, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0))


def outside(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, input=b"", timeout=20, check=False)
    if done.returncode != 0:
        raise PermissionError(done.stderr.decode()[-200:])


def connect(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))


def open_with_what_is_there() -> None:
    """Take every run of 32 bytes of the database that could be a key, and try it on every value."""
    from nightdrop.crypto.opening import OpenError, SitePrivateKey, open_secret

    connection = sqlite3.connect(HOME / "data" / "app.db")
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    cells = [cell for table in tables for row in connection.execute(f"SELECT * FROM {table}") for cell in row]
    seeds = {
        cell[at : at + 32]
        for cell in cells
        if isinstance(cell, bytes)
        for at in range(0, min(len(cell), 1300) - 31, 32)
    }
    secrets = connection.execute("SELECT sealed, site_id, epoch, name, revision FROM secrets").fetchall()
    assert seeds
    assert secrets
    for seed in seeds:
        for sealed, site, epoch, name, revision in secrets:
            try:
                open_secret(SitePrivateKey(seed), sealed, site_id=site, epoch=epoch, name=name, revision=revision)
            except OpenError:
                continue
            return
    raise PermissionError("nothing opens")


def attempts(handles: dict[str, Handle | None], addresses: dict[str, int]) -> dict[str, Callable[[], Any]]:
    keeper_db = HOME / "keeper" / "keeper.db"
    data = HOME / "data"
    made: dict[str, Callable[[], Any]] = {
        "read the node key": lambda: NODE_KEY.read_bytes(),
        "list the keys": lambda: os.listdir(NODE_KEY.parent),
        "link the node key": lambda: os.link(NODE_KEY, data / "link"),
        "follow a link to the node key": lambda: (
            (data / "symlink").symlink_to(NODE_KEY),
            (data / "symlink").read_bytes(),
        ),
        "move the node key": lambda: NODE_KEY.rename(data / "moved"),
        "read the keeper's database": lambda: keeper_db.read_bytes(),
        "query the keeper's database": lambda: (
            sqlite3.connect(keeper_db).execute("SELECT * FROM site_seeds").fetchall()
        ),
        "attach the keeper's database": lambda: sqlite3.connect(data / "app.db").execute(
            "ATTACH ? AS k", [str(keeper_db)]
        ),
        "list the keeper's directory": lambda: os.listdir(keeper_db.parent),
        "link the keeper's database": lambda: os.link(keeper_db, data / "link2"),
        "move the keeper's directory": lambda: keeper_db.parent.rename(data / "keeper"),
        "run the recovery": lambda: outside(
            sys.executable, "-I", "-m", "nightdrop.worker.keeper", "recover", "--home", str(HOME)
        ),
        "read through another program": lambda: outside("cat", str(NODE_KEY)),
        "start a keeper": lambda: outside(
            sys.executable,
            "-I",
            "-m",
            "nightdrop.worker.keeper",
            "--home",
            str(HOME),
            "--node-key",
            str(NODE_KEY),
            "--control-fd",
            "0",
        ),
        "connect to the admin socket": lambda: connect(HOME / "run" / "admin.sock"),
        "open with what the database holds": open_with_what_is_there,
    }
    for role, pid in PIDS.items():
        made |= {
            f"read the memory of {role}": lambda pid=pid, at=addresses[role]: os.pread(
                os.open(f"/proc/{pid}/mem", os.O_RDONLY), 64, at
            ),
            f"copy the memory of {role}": lambda pid=pid, at=addresses[role]: peek(pid, at),
            f"trace {role}": lambda pid=pid: checked(LIBC.ptrace(PTRACE_ATTACH, pid, 0, 0)),
            f"read the environment of {role}": lambda pid=pid: Path(f"/proc/{pid}/environ").read_bytes(),
            f"open a descriptor of {role}": lambda pid=pid: [
                Path(f"/proc/{pid}/fd/{n}").read_bytes() for n in os.listdir(f"/proc/{pid}/fd")
            ],
            f"take a descriptor of {role}": lambda pid=pid: checked(LIBC.syscall(438, os.pidfd_open(pid), 3, 0)),
            f"read the root of {role}": lambda pid=pid: Path(f"/proc/{pid}/root{NODE_KEY}").read_bytes(),
            f"enter the namespaces of {role}": lambda pid=pid: checked(LIBC.setns(os.pidfd_open(pid), 0x00020000)),
        }
    made |= {
        f"open {name} by its handle": lambda handle=handle: open_handle(handle) for name, handle in handles.items()
    }
    return made


def outcome(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except (OSError, sqlite3.Error) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main() -> None:
    held = sorted(
        name for name in sys.modules if name == "nightdrop.crypto.opening" or name.startswith("nightdrop.worker")
    )
    handles = {"the node key": handle_of(NODE_KEY), "the keeper's database": handle_of(HOME / "keeper" / "keeper.db")}
    addresses = dict.fromkeys(PIDS, 0)
    for role, pid in PIDS.items():
        try:
            addresses[role] = first_writable(pid)
        except OSError:
            continue
    before = outcome(lambda: NODE_KEY.read_bytes())
    harden(pdeathsig=True)
    confined = confine_web(open_home(HOME), NODE_KEY)
    forbid_connections()
    results = {name: outcome(attempt) for name, attempt in attempts(handles, addresses).items()}
    print(json.dumps({"confined": confined, "imported": held, "before": before, "results": results}))


if __name__ == "__main__":
    main()
