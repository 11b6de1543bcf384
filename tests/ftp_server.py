"""Real FTP servers, run as the user who runs the tests, on free ports of 127.0.0.1; with TLS they demand session reuse."""

import getpass
import grp
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import trustme

from ssh_server import answers, children, free_port
from support import wait_until

PROFTPD = "/usr/sbin/proftpd"
VSFTPD = Path(__file__).resolve().parent.parent / ".venv/vsftpd/usr/sbin/vsftpd"
PASSWORD = "correct horse"
NONE, EXPLICIT, IMPLICIT = 0, 1, 2


@dataclass
class FtpServer:
    folder: Path
    home: Path
    port: int
    user: str
    mode: int
    process: subprocess.Popen[bytes]

    def kill_sessions(self) -> None:
        """Drop every connection at once; the server itself stays."""
        for pid in children(self.process.pid):
            for below in [*children(pid), pid]:
                try:
                    os.kill(below, signal.SIGKILL)
                except ProcessLookupError:
                    continue

    def stop(self) -> None:
        self.kill_sessions()
        self.process.terminate()
        self.process.wait()


def certificate(folder: Path, authority: trustme.CA) -> tuple[Path, Path]:
    issued = authority.issue_cert("127.0.0.1", "localhost")
    chain, key = folder / "cert.pem", folder / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    key.chmod(0o600)
    return chain, key


def start_proftpd(folder: Path, authority: trustme.CA, mode: int, *extra: str) -> FtpServer:
    """Start ProFTPD; ``extra`` are more lines of its configuration."""
    home, port = _prepare(folder)
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, check=True, capture_output=True, text=True
    ).stdout.strip()
    accounts = folder / "accounts"
    accounts.write_text(f"tester:{hashed}:{os.getuid()}:{os.getgid()}::{home}:/bin/sh\n")
    accounts.chmod(0o600)
    lines = [
        "ServerType standalone",
        "DefaultAddress 127.0.0.1",
        f"Port {port}",
        "UseIPv6 off",
        f"User {getpass.getuser()}",
        f"Group {grp.getgrgid(os.getgid()).gr_name}",
        f"AuthUserFile {accounts}",
        "AuthOrder mod_auth_file.c",
        "RequireValidShell off",
        "RootLogin on",
        f"ScoreboardFile {folder}/scoreboard",
        f"PidFile {folder}/pid",
        f"SystemLog {folder}/log",
        "DelayEngine off",
        "WtmpLog off",
        "TransferLog none",
        "MaxInstances 50",
        "AllowOverwrite on",
        "AllowStoreRestart on",
        "AllowRetrieveRestart on",
        *extra,
    ]
    if mode != NONE:
        chain, key = certificate(folder, authority)
        lines += [
            "ModulePath /usr/lib/proftpd",
            "LoadModule mod_tls.c",
            "TLSEngine on",
            "TLSRequired on",
            "TLSProtocol TLSv1.2 TLSv1.3",
            f"TLSLog {folder}/tls.log",
            f"TLSECCertificateFile {chain}",
            f"TLSECCertificateKeyFile {key}",
            "TLSVerifyClient off",
        ]
    if mode == IMPLICIT:
        lines.append("TLSOptions UseImplicitSSL")
    return _run(folder, home, port, mode, [PROFTPD, "-n", "-q", "-c"], lines, "tester")


def start_vsftpd(folder: Path, authority: trustme.CA, mode: int, *extra: str) -> FtpServer:
    """Start vsftpd: its anonymous account asks for a password, as no other one does without PAM."""
    home, port = _prepare(folder)
    (folder / "passwords").write_text(PASSWORD + "\n")
    (folder / "empty").mkdir()
    lines = [
        "listen=YES",
        "background=NO",
        "listen_address=127.0.0.1",
        f"listen_port={port}",
        "run_as_launching_user=YES",
        "seccomp_sandbox=NO",
        f"secure_chroot_dir={folder}/empty",
        "anonymous_enable=YES",
        f"anon_root={home}",
        "secure_email_list_enable=YES",
        f"email_password_file={folder}/passwords",
        "write_enable=YES",
        "anon_upload_enable=YES",
        "anon_mkdir_write_enable=YES",
        "anon_other_write_enable=YES",
        "anon_world_readable_only=NO",
        "anon_umask=022",
        "allow_writeable_chroot=YES",
        "mdtm_write=YES",
        f"vsftpd_log_file={folder}/log",
        "xferlog_enable=YES",
        *extra,
    ]
    if mode != NONE:
        chain, key = certificate(folder, authority)
        lines += [
            "ssl_enable=YES",
            "allow_anon_ssl=YES",
            "force_anon_logins_ssl=YES",
            "force_anon_data_ssl=YES",
            "require_ssl_reuse=YES",
            f"rsa_cert_file={chain}",
            f"rsa_private_key_file={key}",
        ]
    if mode == IMPLICIT:
        lines.append("implicit_ssl=YES")
    return _run(folder, home, port, mode, [str(VSFTPD)], lines, "anonymous")


def _prepare(folder: Path) -> tuple[Path, int]:
    home = folder / "home"
    home.mkdir()
    return home, free_port()


def _run(folder: Path, home: Path, port: int, mode: int, command: list[str], lines: list[str], user: str) -> FtpServer:
    config = folder / "config"
    config.write_text("\n".join(lines) + "\n")
    config.chmod(0o600)
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen([*command, str(config)], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    server = FtpServer(folder, home, port, user, mode, process)
    wait_until(lambda: answers(port) or process.poll() is not None, f"{command[0]} answers")
    assert process.poll() is None, (folder / "output").read_text()
    return server
