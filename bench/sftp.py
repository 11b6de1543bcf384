"""SFTP against OpenSSH's own client, on the same server: one large file, and 1,000 files of 10 kB, both ways. The small ones
against rclone too.

Run with: script/bench-peers;
.venv/bin/python bench/sftp.py [MEGABYTES]
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import peers
import ssh_server
from remote_clients import Client

FILES, FILE_BYTES = 1000, 10_000
# Without these it asks the server for a checksum of every file, with a command each.
OPTIONS = ("--no-check-dest", "--ignore-times", "--ignore-checksum", "--sftp-disable-hashcheck", "--transfers=8")
ROUNDS = 3


def main() -> None:
    peers.require(peers.RCLONE)
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    # In memory where there is some: the disk is not what is compared.
    shm = Path("/dev/shm")
    room = shutil.disk_usage(shm).free if shm.is_dir() else 0
    where = shm if room > 4 * megabytes * 1_000_000 else None
    with tempfile.TemporaryDirectory(prefix="nightdrop-bench-", dir=where) as folder:
        run(Path(folder), megabytes)


def run(folder: Path, megabytes: int) -> None:
    server = ssh_server.start(folder)
    site = folder / "site"
    (site / "many").mkdir(parents=True)
    with (site / "large").open("wb") as file:
        block = os.urandom(1_000_000)
        for _ in range(megabytes):
            file.write(block)
    for number in range(FILES):
        (site / "many" / f"{number}").write_bytes(os.urandom(FILE_BYTES))
    for name in ("peer", "ours"):
        (server.home / name / "many").mkdir(parents=True)
        (folder / name).mkdir()
    client = Client("sftp", site, fields(server), {"UploadPolicy": 1, "DownloadPolicy": 1})
    try:
        print(f"{'connect and list, ours':<40} {timed(lambda: connect(client)) * 1000:8.0f} ms")
        peer_connect = timed(lambda: sftp(server, "ls\n"))
        print(f"{'connect and list, sftp':<40} {peer_connect * 1000:8.0f} ms")
        large = f"{megabytes} MB"
        compare(
            f"upload {large}",
            lambda: sftp(server, f"put {site}/large peer/large\n"),
            lambda: check(client, client.Upload("large", "ours")),
        )
        compare(
            f"download {large}",
            lambda: sftp(server, f"get peer/large {folder}/peer/large\n"),
            lambda: check(client, client.Download("ours/large", "back")),
        )
        peers.compare(
            f"upload {FILES} files of 10 kB",
            lambda: check(client, client.Upload("many/*", "ours/many")),
            sftp=lambda: sftp(server, f"put {site}/many/* peer/many/\n"),
            rclone=lambda: rclone(f"{site}/many", f"{remote(server)}rclone/many"),
        )
        peers.compare(
            f"download {FILES} files of 10 kB",
            lambda: check(client, client.Download("ours/many/*", "back")),
            sftp=lambda: sftp(server, f"get peer/many/* {folder}/peer/\n"),
            rclone=lambda: rclone(f"{remote(server)}rclone/many", f"{folder}/rclone"),
        )
        print(
            f"{'peak memory of this process':<40} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MB"
        )
    finally:
        client.close()
        server.stop()


def fields(server: ssh_server.SshServer) -> dict[str, str]:
    return {
        "Host": f"127.0.0.1:{server.port}",
        "User": server.user,
        "KeyText": server.client_key.read_text(),
        "HostKeySHA256": ssh_server.fingerprint(server.host_key, "sha256"),
    }


def sftp(server: ssh_server.SshServer, batch: str) -> None:
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
    command = ["sftp", "-q", "-F", "none", "-P", str(server.port), "-i", str(server.client_key)]
    for option in options:
        command += ["-o", option]
    command += ["-b", "-", f"{server.user}@127.0.0.1"]
    subprocess.run(command, input=batch.encode(), check=True, stdout=subprocess.DEVNULL)


def remote(server: ssh_server.SshServer) -> str:
    return f":sftp,host=127.0.0.1,port={server.port},user={server.user},key_file='{server.client_key}':"


def rclone(source: str, target: str) -> None:
    peers.call([peers.RCLONE, "copy", *OPTIONS, source, target], {})


def connect(client: Client) -> None:
    check(client, client.connect())
    client.ListDir("")


def check(client: Client, worked: bool) -> None:
    if not worked:
        sys.exit(client.lines())


def timed(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def compare(name: str, peer: Callable[[], None], ours: Callable[[], None]) -> None:
    """Print both times and how many times as fast ours is; the best of some rounds each, taken in turn."""
    times = [(timed(peer), timed(ours)) for _ in range(ROUNDS)]
    theirs, mine = min(t for t, _ in times), min(t for _, t in times)
    print(f"{name:<40} sftp {theirs:6.2f} s   ours {mine:6.2f} s   {theirs / mine:5.2f} times as fast", flush=True)


if __name__ == "__main__":
    main()
