"""What the confined web process can connect to: its database, and nothing else."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nightdrop.core.home import create_home

_TRY = """
import errno, json, socket, sys
from pathlib import Path
from nightdrop.core.home import open_home
from nightdrop.sandbox.process import harden
from nightdrop.sandbox.web import confine_web, forbid_connections

home, mine, other, local, mode = sys.argv[1:]
harden(pdeathsig=True)
ports = [int(mine)] if mode == "tcp" else []
assert confine_web(open_home(Path(home)), Path("/nowhere/node.key"), connect_ports=ports)
listener = socket.create_server(("127.0.0.1", 0))
forbid_connections(but_local_sockets=mode == "local")

def attempt(family, kind, protocol, address):
    try:
        with socket.socket(family, kind, protocol) as sock:
            sock.connect(address)
        return "connected"
    except OSError as error:
        return errno.errorcode[error.errno]

tcp = (socket.AF_INET, socket.SOCK_STREAM, 0)
print(json.dumps({
    "database": attempt(*tcp, ("127.0.0.1", int(mine))),
    "other": attempt(*tcp, ("127.0.0.1", int(other))),
    "mptcp": attempt(socket.AF_INET, socket.SOCK_STREAM, 262, ("127.0.0.1", int(mine))),
    "sctp": attempt(socket.AF_INET, socket.SOCK_STREAM, 132, ("127.0.0.1", int(mine))),
    "local": attempt(socket.AF_UNIX, socket.SOCK_STREAM, 0, local),
}))
"""


@pytest.fixture
def reached(tmp_path):
    home = create_home(tmp_path / "home")
    path = str(tmp_path / "local.sock")

    def run(mode: str) -> dict[str, str]:
        with (
            socket.create_server(("127.0.0.1", 0)) as mine,
            socket.create_server(("127.0.0.1", 0)) as other,
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as local,
        ):
            Path(path).unlink(missing_ok=True)
            local.bind(path)
            local.listen()
            ports = [str(each.getsockname()[1]) for each in (mine, other)]
            command = [sys.executable, "-c", _TRY, str(home.root), *ports, path, mode]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    return run


def test_with_a_database_over_tcp_its_port_alone_is_reached(reached):
    found = reached("tcp")
    assert found == {"database": "connected", "other": "EACCES", "mptcp": "EACCES", "sctp": "EACCES", "local": "EACCES"}


def test_with_a_database_behind_a_local_socket_no_tcp_is_reached(reached):
    found = reached("local")
    assert found == {"database": "EACCES", "other": "EACCES", "mptcp": "EACCES", "sctp": "EACCES", "local": "connected"}


def test_with_sqlite_nothing_is_reached(reached):
    assert set(reached("sqlite").values()) == {"EACCES"}
