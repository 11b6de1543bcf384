"""Peak memory of what a transfer runs in, at 10 MB and at 2 GB: the courier of a script on a real installation, over SFTP
and S3, plain and encrypted. It should not grow with the file.

.venv/bin/python bench/transfer_memory.py [MEGABYTES]
"""

import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import s3_server
import ssh_server
from machine import Machine
from support import Installation, children_of, command_line

SMALL = 10


def main() -> None:
    large = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    shm = Path("/dev/shm")
    room = shutil.disk_usage(shm).free if shm.is_dir() else 0
    with tempfile.TemporaryDirectory(prefix="nightdrop-bench-", dir=shm if room > 6 * large * 10**6 else None) as name:
        folder = Path(name)
        for part in ("home", "sshd", "s3"):
            (folder / part).mkdir()
        sshd, s3 = ssh_server.start(folder / "sshd"), s3_server.start(folder / "s3")
        installation = Installation(folder / "home")
        try:
            installation.init()
            installation.start()
            installation.ok("site", "set", "default", "egress_allow=127.0.0.1", "wall=1h", "cpu=1h")
            measure(Machine(installation), sshd, s3, large)
        finally:
            installation.stop()
            sshd.stop()
            s3.stop()


def measure(machine: Machine, sshd: ssh_server.SshServer, s3: s3_server.S3Server, large: int) -> None:
    machine.installation.ok("secret", "set", "ssh-key", stdin=sshd.client_key.read_text())
    machine.installation.ok("secret", "set", "s3-key", stdin=s3.secret)
    (site,) = machine.call("GET", "/sites")["items"]
    files = machine.installation.home / "sites" / str(site["id"]) / "files"
    files.mkdir(mode=0o700, parents=True, exist_ok=True)
    recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    clients = {
        "SFTP": f"""var cli = new SftpClient(); cli.Host = "127.0.0.1:{sshd.port}"; cli.User = "{sshd.user}";
            cli.KeyFileSecret = "ssh-key"; cli.HostKeySHA256 = "{ssh_server.fingerprint(sshd.host_key, "sha256")}";""",
        "S3": f"""var cli = new S3Client(); cli.Endpoint = "{s3.endpoint}"; cli.PathStyle = true;
            cli.Region = "{s3_server.REGION}"; cli.Bucket = "{s3_server.BUCKET}";
            cli.APIKeyID = "{s3.key}"; cli.APIKeySecretFromSecret = "s3-key";""",
    }
    encrypted = f'cli.Options.OTFE = true; cli.Options.OTFEKey = "{recipient}";'
    ways = {"upload": 'cli.Upload("file", "there")', "download": 'cli.Download("there/file", "back")'}
    print(f"{'peak resident memory, MB':<28} {SMALL:>8} MB {large:>8} MB   ratio")
    for name, make in clients.items():
        for label, option in (("", ""), (", encrypted", encrypted)):
            for way, call in ways.items():
                if option and way == "download":
                    continue
                code = f"""{make} {option} cli.Options.UploadPolicy = 1; cli.Options.DownloadPolicy = 1;
                    if (!cli.Connect() || !{call}) throw new Error("not transferred");"""
                small, big = (peak_of(machine, files, code, size) for size in (SMALL, large))
                print(f"{name + ' ' + way + label:<28} {small:8.0f}    {big:8.0f}      {big / small:5.2f}", flush=True)


def peak_of(machine: Machine, files: Path, code: str, megabytes: int) -> float:
    """Return the highest resident size, in MB, that the courier of a run had."""
    block = os.urandom(1_000_000)
    with (files / "file").open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
    if "Download" in code:
        code = code.replace("if (!cli.Connect()", 'if (!cli.Connect() || !cli.Upload("file", "there")')
    over, peaks = threading.Event(), [0.0]

    def watch() -> None:
        while not over.is_set():
            for pid in couriers(machine):
                peaks.append(high_water(pid))  # noqa: PERF401 - while they live
            time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        run_id = machine.start_run(code)
        run = machine.ended(run_id, 1800)
    finally:
        over.set()
        thread.join()
    if run["state"] != "succeeded":
        sys.exit("\n".join(machine.log(run_id)))
    shutil.rmtree(files / "back", ignore_errors=True)
    return max(peaks)


def couriers(machine: Machine) -> list[int]:
    parents = [pid for pid in children_of(machine.whole()["worker"]) if " --role courier " in command_line(pid)]
    return [courier for parent in parents for zygote in children_of(parent) for courier in children_of(zygote)]


def high_water(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM:")), 0.0)


if __name__ == "__main__":
    main()
