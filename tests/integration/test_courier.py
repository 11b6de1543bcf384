"""A script's clients for remote hosts, served by a confined process of their own, against a real SSH server."""

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest
import trustme

import ftp_server
import s3_server
import ssh_server
from machine import Machine
from support import Installation, children_of, command_line, wait_until

PASSWORD = "opens-the-far-door-0815"


@dataclass
class SshServer:
    """A server with one account, whose files lie in ``root``."""

    root: Path
    port: int
    fingerprint: str
    passwords: list[str]

    def script(self, body: str) -> str:
        return f"""
            var cli = new SftpClient();
            cli.Host = "127.0.0.1:{self.port}";
            cli.User = "me";
            cli.PassFromSecret = "far-door";
            cli.HostKeySHA256 = "{self.fingerprint}";
            if (cli.Connect()) {{ {body}; cli.Close(); }}"""


async def _serve(server: SshServer, ready: threading.Event, over: asyncio.Event, key: asyncssh.SSHKey) -> None:
    class Accounts(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            server.passwords.append(password)
            return (username, password) == ("me", PASSWORD)

    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[key],
        server_factory=Accounts,
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(server.root)),
    )
    server.port = listener.get_port()
    ready.set()
    await over.wait()
    listener.close()
    await listener.wait_closed()


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = SshServer(tmp_path_factory.mktemp("far"), 0, key.get_fingerprint(), [])
    ready, over, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(_serve(server, ready, over, key)))
    thread.start()
    assert ready.wait(20)
    yield server
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of the host in which sites may be given some."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, shared_folder: Path) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("installation"), {"NIGHTDROP_SITE_PATHS": str(shared_folder)})
    made.copy_new_home()
    made.start()
    try:
        made.ok("site", "set", "default", "egress_allow=127.0.0.1")
        made.ok("secret", "set", "far-door", stdin=PASSWORD)
        yield made
    finally:
        made.stop()


@pytest.fixture
def machine(here: Installation) -> Machine:
    return Machine(here)


def courier_zygotes(machine: Machine) -> list[int]:
    """Return the zygote of couriers, process 1 of its namespaces, when there is one."""
    parents = [pid for pid in children_of(machine.whole()["worker"]) if " --role courier " in command_line(pid)]
    return [zygote for parent in parents for zygote in children_of(parent)]


def couriers(machine: Machine) -> list[int]:
    return [courier for zygote in courier_zygotes(machine) for courier in children_of(zygote)]


def site_files(machine: Machine) -> Path:
    (site,) = machine.call("GET", "/sites")["items"]
    files = machine.installation.home / "sites" / str(site["id"]) / "files"
    files.mkdir(mode=0o700, parents=True, exist_ok=True)
    return files


def test_files_go_there_and_back_and_the_script_never_has_the_password(machine: Machine, far: SshServer) -> None:
    (far.root / "from-afar.txt").write_text("hello")
    run, log = machine.finish(
        far.script("""
            Log(cli.Download("/from-afar.txt", "."));
            Log(cli.Upload("from-afar.txt", "/sent"));
            Log(cli.ListDir("/sent", LIST_ALL)[0].Path, cli.ListDir("/sent", LIST_ALL)[0].TimeStamp instanceof Date)
            Log(JSON.stringify(cli))""")
    )
    assert run["state"] == "succeeded", (run, log)
    assert [line for line in log if line in {"true", "/sent/from-afar.txt true"}] == [
        "true",
        "true",
        "/sent/from-afar.txt true",
    ]
    assert (far.root / "sent" / "from-afar.txt").read_text() == "hello"
    assert (site_files(machine) / "from-afar.txt").read_text() == "hello"
    assert far.passwords[-1] == PASSWORD
    assert run["secrets_used"] == ["far-door"]
    # There and back.
    assert run["bytes_moved"] == 2 * len("hello")
    assert not any(PASSWORD in line for line in log)


def test_no_courier_before_somebody_asks_and_none_after_the_run(machine: Machine, far: SshServer) -> None:
    run, _ = machine.finish(far.script("cli.Exists('/')"))
    assert run["state"] == "succeeded"
    wait_until(lambda: not couriers(machine), "the end of the courier")


def test_a_wrong_password_is_a_plain_failure(machine: Machine, far: SshServer) -> None:
    code = far.script("Log('in')").replace('PassFromSecret = "far-door"', 'Pass = "wrong-one"')
    run, log = machine.finish(code + 'Log("went on");')
    assert run["state"] == "succeeded"
    assert log[-1] == "went on"
    assert "connect: the server accepts neither the key nor the password of this user" in log[-2]


def test_a_host_that_the_site_may_not_reach(machine: Machine, far: SshServer) -> None:
    code = far.script("Log('in')").replace("127.0.0.1:", "127.0.0.2:")
    run, log = machine.finish(code)
    assert run["state"] == "succeeded"
    assert "not allowed" in log[-1]


@pytest.mark.parametrize("path", ["../../keeper/keeper.db", "/etc/passwd", "../../../nightdrop.toml"])
def test_files_outside_of_the_site_do_not_go_out(machine: Machine, far: SshServer, path: str) -> None:
    run, log = machine.finish(far.script(f'Log("sent:", cli.Upload("{path}", "/stolen"))'))
    assert run["state"] == "succeeded"
    assert "sent: false" in log
    assert not (far.root / "stolen").exists()


def test_a_wrong_field_is_told(machine: Machine) -> None:
    _, log = machine.finish('var cli = new SftpClient(); cli.Hots = "x"; cli.Options.UploadPolcy = 1; Log(cli.Hots);')
    assert log == [
        'SftpClient has no field "Hots", did you mean "Host"?; it was ignored',
        'SftpClient.Options has no field "UploadPolcy", did you mean "UploadPolicy"?; it was ignored',
        "undefined",
    ]


def test_a_killed_courier_fails_its_run_and_no_other(machine: Machine, far: SshServer) -> None:
    for victims in (couriers, courier_zygotes):
        run = machine.start_run(far.script('Log("in"); Sleep(60000); cli.Exists("/")'))
        machine.wait_for_line(run, "in")
        (victim,) = victims(machine)
        machine.kill(victim)
        machine.call("POST", f"/runs/{run}/cancel")
        assert machine.ended(run)["state"] == "cancelled"
        busy = machine.start_run(far.script('Log("in"); while (cli.Exists("/")) Sleep(1)'))
        machine.wait_for_line(busy, "in")
        (victim,) = victims(machine)
        machine.kill(victim)
        ended = machine.ended(busy)
        assert (ended["state"], ended["reason"]) == ("failed", "the courier stopped while the run needed it")
    run, _ = machine.finish(far.script("cli.Exists('/')"))
    assert run["state"] == "succeeded"
    machine.no_orphans()


def test_a_cancelled_run_takes_its_courier_along(machine: Machine, far: SshServer) -> None:
    run = machine.start_run(far.script('Log("in"); while (cli.Exists("/")) Sleep(1)'))
    machine.wait_for_line(run, "in")
    (courier,) = couriers(machine)
    machine.call("POST", f"/runs/{run}/cancel")
    assert machine.ended(run)["state"] == "cancelled"
    wait_until(lambda: courier not in couriers(machine), "the end of the courier")


# The second example of the manual's secrets page, as it stands there.
MANUAL_EXAMPLE = """
var cli = new SftpClient();
cli.Options.OTFE = true;
cli.Options.OTFEKey = GetSecret("transfer-encryption-key");
"""


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssh_server.SshServer]:
    server = ssh_server.start(tmp_path_factory.mktemp("sshd"))
    yield server
    server.stop()


def test_the_manuals_example_uploads_what_age_opens(
    machine: Machine, sshd: ssh_server.SshServer, tmp_path: Path
) -> None:
    identity = tmp_path / "identity.txt"
    subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
    key = next(line for line in identity.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-1"))
    machine.installation.ok("secret", "set", "transfer-encryption-key", stdin=key)
    machine.installation.ok("secret", "set", "ssh-key", stdin=sshd.client_key.read_text())
    content = bytes(range(256)) * 1000
    (site_files(machine) / "report.bin").write_bytes(content)
    run, log = machine.finish(
        MANUAL_EXAMPLE
        + f"""
        cli.Host = "127.0.0.1:{sshd.port}"; cli.User = "{sshd.user}"; cli.KeyFileSecret = "ssh-key";
        cli.HostKeySHA256 = "{ssh_server.fingerprint(sshd.host_key, "sha256")}";
        if (!cli.Connect()) throw new Error("no connection");
        Log("up:", cli.Upload("report.bin", "vault"));
        Log("down:", cli.Download("vault/report.bin", "back"));
        cli.Close();"""
    )
    assert run["state"] == "succeeded", (run, log)
    assert ("up: true" in log, "down: true" in log) == (True, True), log
    sealed = sshd.home / "vault" / "report.bin"
    assert sealed.read_bytes().startswith(b"age-encryption.org/v1\n")
    opened = subprocess.run(["age", "-d", "-i", identity, sealed], check=True, capture_output=True).stdout
    assert opened == content
    assert (site_files(machine) / "back" / "report.bin").read_bytes() == content
    assert run["secrets_used"] == ["ssh-key", "transfer-encryption-key"]
    assert not any(key in line for line in log)


@pytest.mark.parametrize("key", ['""', 'GetSecret("no-such-secret")'])
def test_without_a_key_nothing_is_uploaded_in_plain(machine: Machine, far: SshServer, key: str) -> None:
    (site_files(machine) / "plain.txt").write_text("for nobody else")
    run, log = machine.finish(
        far.script(
            f'cli.Options.OTFE = true; cli.Options.OTFEKey = {key}; Log("up:", cli.Upload("plain.txt", "/plain"))'
        )
    )
    assert run["state"] == "succeeded"
    assert "up: false" in log
    assert any("OTFEKey is empty" in line for line in log)
    assert not (far.root / "plain").exists()


@pytest.fixture(scope="module")
def ftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ftp_server.FtpServer]:
    server = ftp_server.start_proftpd(tmp_path_factory.mktemp("ftp"), trustme.CA(), ftp_server.EXPLICIT)
    yield server
    server.stop()


def test_ftps_with_a_certificate_that_nobody_vouches_for(machine: Machine, ftp: ftp_server.FtpServer) -> None:
    machine.installation.ok("secret", "set", "ftp-door", stdin=ftp_server.PASSWORD)
    (site_files(machine) / "by-ftp.txt").write_text("over two connections")
    connect = f"""
        var cli = new FtpsClient();
        cli.Host = "127.0.0.1:{ftp.port}"; cli.User = "{ftp.user}"; cli.PassFromSecret = "ftp-door";
        cli.TLSMode = TLS_MODE_EXPLICIT;"""
    run, log = machine.finish(connect + 'Log("in:", cli.Connect());')
    assert run["state"] == "succeeded"
    assert log[-1] == "in: false"
    assert "certificate" in log[-2]
    run, log = machine.finish(
        connect + 'cli.TLSInsecure = true; Log(cli.Connect(), cli.Upload("by-ftp.txt", "inbox"), cli.Close());'
    )
    assert run["state"] == "succeeded"
    assert log[-1] == "true true true", log
    assert (ftp.home / "inbox" / "by-ftp.txt").read_text() == "over two connections"


def test_a_passphrase_works_within_the_couriers_memory(machine: Machine, far: SshServer) -> None:
    (site_files(machine) / "diary.txt").write_text("dear diary")
    run, log = machine.finish(
        far.script("""
            cli.Options.OTFE = true; cli.Options.OTFEKey = "four words of mine";
            Log("there:", cli.Upload("diary.txt", "/sealed"));
            Log("back:", cli.Download("/sealed/diary.txt", "opened"))""")
    )
    assert run["state"] == "succeeded", (run, log)
    assert ("there: true" in log, "back: true" in log) == (True, True), log
    assert (far.root / "sealed" / "diary.txt").read_bytes().startswith(b"age-encryption.org/v1\n-> scrypt ")
    assert (site_files(machine) / "opened" / "diary.txt").read_text() == "dear diary"


def test_configure_sets_what_an_address_and_a_payload_say(machine: Machine, far: SshServer) -> None:
    run, log = machine.finish(
        f"""
        var cli = new SftpClient();
        var url = "sftp://me@127.0.0.1:{far.port}?hostKeySHA256=" + encodeURIComponent("{far.fingerprint}");
        Log(cli.Configure(url, '{{"PassFromSecret": "far-door", "options": {{"UploadPolicy": 1}}}}') === cli);
        Log(cli.User, cli.Options.UploadPolicy, cli.Connect(), cli.Close());
        Log(cli.Configure("https://example.com", "").User);
        Log(cli.Configure(url, "no JSON " + "x").User, cli.Configure().User);"""
    )
    assert run["state"] == "succeeded", (run, log)
    assert [line for line in log if not line.startswith("SftpClient")] == ["true", "me 1 true true", "me", "me me"]
    assert [line for line in log if "Configure" in line] == [
        "SftpClient.Configure: SftpClient takes a URL that begins with sftp://",
        "SftpClient.Configure: the payload is not JSON",
        "SftpClient.Configure: the URL and the payload must be text",
    ]


def test_directories_that_the_site_was_given(machine: Machine, far: SshServer, shared_folder: Path) -> None:
    outgoing, incoming, others = (shared_folder / name for name in ("outgoing", "incoming", "others"))
    for folder in (outgoing, incoming, others):
        folder.mkdir()
        (folder / "file.txt").write_text(folder.name)
    machine.installation.ok("site", "set", "default", f"paths={outgoing}:ro,{incoming}")
    run, log = machine.finish(
        far.script(f"""
            Log(cli.Upload("{outgoing}/*", "/given"), cli.Download("/given/file.txt", "{incoming}/new"));
            Log(cli.Download("/given/file.txt", "{outgoing}/new"), cli.Upload("{others}/file.txt", "/stolen"))""")
    )
    assert run["state"] == "succeeded", (run, log)
    assert [line for line in log if not line.startswith("SftpClient")] == ["true true", "false false"]
    assert (incoming / "new" / "file.txt").read_text() == "outgoing"
    assert any("may only read" in line for line in log)
    assert any("outside of the site's directories" in line for line in log)
    assert not (outgoing / "new").exists()
    assert not (far.root / "stolen").exists()
    machine.installation.ok("site", "set", "default", "paths=")
    run, log = machine.finish(far.script(f'Log(cli.Upload("{outgoing}/*", "/later"))'))
    assert log[-1] == "false"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_server.S3Server]:
    server = s3_server.start(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


def test_s3_with_a_key_that_the_script_never_has(machine: Machine, s3: s3_server.S3Server) -> None:
    machine.installation.ok("secret", "set", "s3-key", stdin=s3.secret)
    content = bytes(range(256)) * 40_000
    (site_files(machine) / "large.bin").write_bytes(content)
    run, log = machine.finish(f"""
        var cli = new S3Client();
        cli.Endpoint = "{s3.endpoint}"; cli.PathStyle = true;
        cli.Region = "{s3_server.REGION}"; cli.Bucket = "{s3_server.BUCKET}";
        cli.APIKeyID = "{s3.key}"; cli.APIKeySecretFromSecret = "s3-key"; cli.UseMetadataWhenListing = true;
        if (!cli.Connect()) throw new Error("no connection");
        Log("up:", cli.Upload("large.bin", "in/box"));
        Log("there:", cli.ListFilesR("", "*.bin").map(item => item.Path + " " + item.Size).join());
        Log("down:", cli.Download("in/box/large.bin", "from-s3"));
        Log("gone:", cli.RenDir("in", "out"), cli.DelTree("out"), cli.Exists("out"));
        cli.Close();""")
    assert run["state"] == "succeeded", (run, log)
    found = dict(line.split(": ", 1) for line in log if line.startswith(("up:", "there:", "down:", "gone:")))
    assert found == {
        "up": "true",
        "there": f"in/box/large.bin {len(content)}",
        "down": "true",
        "gone": "true true false",
    }, log
    assert (site_files(machine) / "from-s3" / "large.bin").read_bytes() == content
    assert run["secrets_used"] == ["s3-key"]
    assert not any(s3.secret in line for line in log)
