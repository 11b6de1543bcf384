"""A real OpenSSH server, run as the user who runs the tests, on a free port of 127.0.0.1."""

import contextlib
import getpass
import os
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support import wait_until

SSHD = "/usr/sbin/sshd"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def new_key(path: Path, *options: str, passphrase: str = "") -> str:
    """Make a key pair with ssh-keygen; return the public line."""
    subprocess.run(["ssh-keygen", "-q", "-N", passphrase, "-C", "test", *options, "-f", str(path)], check=True)
    return path.with_name(path.name + ".pub").read_text()


def fingerprint(public: Path, kind: str) -> str:
    """Return a fingerprint as ssh-keygen prints it, for example ``SHA256:...``."""
    command = ["ssh-keygen", "-l", "-E", kind, "-f", str(public)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1]


@dataclass
class SshServer:
    """``home`` is where relative paths start; what ``authorized`` holds may log in."""

    folder: Path
    home: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def user(self) -> str:
        return getpass.getuser()

    @property
    def host_key(self) -> Path:
        return self.folder / "host_ed25519.pub"

    @property
    def client_key(self) -> Path:
        return self.folder / "client"

    def authorize(self, public: str) -> None:
        with (self.folder / "authorized").open("a") as file:
            file.write(public)

    def kill_sessions(self) -> None:
        """Drop every connection at once, as a cut cable does; the server itself stays."""
        for pid in children(self.process.pid):
            for below in [*children(pid), pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(below, signal.SIGKILL)

    def stop(self) -> None:
        self.kill_sessions()
        self.process.terminate()
        self.process.wait()


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def start(folder: Path, *extra: str) -> SshServer:
    """Start sshd with its files in ``folder``; ``extra`` are more lines of its configuration, the first ones win."""
    home = folder / "home"
    home.mkdir()
    new_key(folder / "host_ed25519", "-t", "ed25519")
    public = new_key(folder / "client", "-t", "ed25519")
    (folder / "authorized").write_text(public)
    port = free_port()
    lines = [
        *extra,
        f"ListenAddress 127.0.0.1:{port}",
        f"HostKey {folder}/host_ed25519",
        f"AuthorizedKeysFile {folder}/authorized",
        f"PidFile {folder}/pid",
        "StrictModes no",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin yes",
        "MaxStartups 100",
        "UseDNS no",
        f"Subsystem sftp internal-sftp -d {home}",
    ]
    (folder / "config").write_text("\n".join(lines) + "\n")
    if os.getuid() == 0:
        # The privilege separation directory, which the service's unit would make.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    log = (folder / "log").open("wb")
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "config")], stdin=subprocess.DEVNULL, stderr=log)
    log.close()
    server = SshServer(folder, home, port, process)
    wait_until(lambda: answers(port), "sshd answers")
    return server


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
