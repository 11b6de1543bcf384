"""Object stores, driven by scripts through the confined courier."""

import json
import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

import azure_server
import gcs_server
from machine import Machine
from object_view import ObjectView
from support import Installation

CONTENT = bytes(range(256)) * 30_000


@dataclass
class Store:
    """A store, its bucket as the vendor sees it, and what a script sets; ``secrets`` are kept in the site."""

    make: str
    url: str
    secrets: dict[str, str]
    view: ObjectView


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("installation")
    trusted = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    made = Installation(folder, {"SSL_CERT_FILE": str(trusted)})
    made.copy_new_home()
    made.start()
    try:
        made.ok("site", "set", "default", "egress_allow=127.0.0.1")
        yield Machine(made)
    finally:
        made.stop()


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    server = azure_server.start(tmp_path_factory.mktemp("azure"))
    make = f"""
        var cli = new AzureClient();
        cli.Endpoint = "{server.endpoint}"; cli.Container = "{azure_server.CONTAINER}";
        cli.AccountName = "{azure_server.ACCOUNT}"; cli.AccountKeyFromSecret = "azure-key";"""
    payload = {"AccountKey": server.key, "Endpoint": server.endpoint, "UploadPolicy": 1}
    url = f"azure://{azure_server.ACCOUNT}@{azure_server.CONTAINER}"
    secrets = {"azure-key": server.key, "azure-payload": json.dumps(payload)}
    yield Store(make, url, secrets, azure_server.Container(server))
    server.stop()


@pytest.fixture(scope="module")
def gcs(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Store]:
    server = gcs_server.start(tmp_path_factory.mktemp("gcs"), authority)
    make = f"""
        var cli = new GCSClient();
        cli.Endpoint = "{server.endpoint}"; cli.Bucket = "{gcs_server.BUCKET}";
        cli.CredentialsFromSecret = "gcs-credentials";"""
    payload = {"Credentials": server.credentials(), "Endpoint": server.endpoint, "UploadPolicy": 1}
    secrets = {"gcs-credentials": server.credentials(), "gcs-payload": json.dumps(payload)}
    yield Store(make, f"gs://{gcs_server.BUCKET}", secrets, gcs_server.Objects(server))
    server.stop()


@pytest.fixture(params=["azure", "gcs"])
def store(request: pytest.FixtureRequest, machine: Machine) -> Store:
    found: Store = request.getfixturevalue(request.param)
    for name, value in found.secrets.items():
        machine.installation.ok("secret", "set", name, stdin=value)
    return found


def site_files(machine: Machine) -> Path:
    (site,) = machine.call("GET", "/sites")["items"]
    files = machine.installation.home / "sites" / str(site["id"]) / "files"
    files.mkdir(mode=0o700, parents=True, exist_ok=True)
    return files


def told(log: list[str]) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in log if not line.startswith(("AzureClient", "GCSClient")))


def test_files_go_there_and_back_and_the_script_never_has_the_key(machine: Machine, store: Store) -> None:
    (site_files(machine) / "large.bin").write_bytes(CONTENT)
    run, log = machine.finish(f"""{store.make}
        cli.UseMetadataWhenListing = true;
        Log("on: " + cli.Connect());
        Log("up: " + cli.Upload("large.bin", "in/box"));
        Log("there: " + cli.ListFilesR("", "*.bin").map(item => item.Path + " " + item.Size).join());
        Log("down: " + cli.Download("in/box/large.bin", "from-there"));
        Log("renamed: " + cli.RenFile("in/box/large.bin", "in/box/other.bin") + cli.Exists("in/box/large.bin"));
        Log("moved: " + cli.RenDir("in", "out") + cli.Stat("out/box/other.bin").Size);
        Log("deleted: " + cli.DelFile("out/box/other.bin") + cli.DelTree("out") + cli.Exists("out"));
        Log("off: " + cli.Close());""")
    assert run["state"] == "succeeded", (run, log)
    assert told(log) == {
        "on": "true",
        "up": "true",
        "there": f"in/box/large.bin {len(CONTENT)}",
        "down": "true",
        "renamed": "truefalse",
        "moved": f"true{len(CONTENT)}",
        "deleted": "truetruefalse",
        "off": "true",
    }, log
    assert (site_files(machine) / "from-there" / "large.bin").read_bytes() == CONTENT
    key = next(name for name in store.secrets if not name.endswith("payload"))
    assert run["secrets_used"] == [key]
    assert not any(store.secrets[key][:20] in line for line in log)


def test_what_is_encrypted_on_the_way_age_opens(machine: Machine, store: Store, tmp_path: Path) -> None:
    identity = tmp_path / "identity.txt"
    subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
    key = next(line for line in identity.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-1"))
    machine.installation.ok("secret", "set", "otfe-key", stdin=key)
    (site_files(machine) / "report.bin").write_bytes(CONTENT)
    run, log = machine.finish(f"""{store.make}
        cli.Options.OTFE = true; cli.Options.OTFEKey = GetSecret("otfe-key");
        Log("on: " + cli.Connect());
        Log("up: " + cli.Upload("report.bin", "vault"));
        Log("down: " + cli.Download("vault/report.bin", "opened"));
        cli.Options.OTFEKey = GetSecret("no-such-secret");
        Log("plain: " + cli.UploadWithPath("report.bin", "open", 0));""")
    assert run["state"] == "succeeded", (run, log)
    assert {name: told(log)[name] for name in ("on", "up", "down", "plain")} == {
        "on": "true",
        "up": "true",
        "down": "true",
        "plain": "false",
    }, log
    sealed = tmp_path / "sealed"
    sealed.write_bytes(store.view.fetch("vault/report.bin"))
    assert subprocess.run(["age", "-d", "-i", identity, sealed], check=True, capture_output=True).stdout == CONTENT
    assert (site_files(machine) / "opened" / "report.bin").read_bytes() == CONTENT
    assert store.view.keys("open") == []


def test_one_secret_holds_the_whole_configuration(machine: Machine, store: Store) -> None:
    payload = next(name for name in store.secrets if name.endswith("payload"))
    kind = store.make.split("new ")[1].split("(")[0]
    (site_files(machine) / "small.txt").write_text("first")
    run, log = machine.finish(f"""
        var cli = new {kind}();
        cli.Configure("{store.url}", '{{"PayloadFromSecret": "{payload}"}}');
        Log("on: " + cli.Connect());
        Log("up: " + cli.Upload("small.txt", "configured"));
        WriteTextFile("small.txt", "second");
        Log("again: " + cli.Upload("small.txt", "configured"));""")
    assert run["state"] == "succeeded", (run, log)
    assert told(log) == {"on": "true", "up": "true", "again": "true"}, log
    assert store.view.fetch("configured/small.txt") == b"second"
    assert run["secrets_used"] == [payload]


def test_a_wrong_key_is_a_plain_failure(machine: Machine, store: Store) -> None:
    key = next(name for name in store.secrets if not name.endswith("payload"))
    machine.installation.ok("secret", "set", key, stdin="bm90LXRoZS1rZXk=")
    run, log = machine.finish(f'{store.make}\n Log("on: " + cli.Connect());')
    assert run["state"] == "succeeded", (run, log)
    assert told(log)["on"] == "false"
    assert any("connect" in line for line in log if line.startswith(("AzureClient", "GCSClient"))), log


def test_a_download_is_given_to_an_account(machine: Machine, azure: Store) -> None:
    # Who is not root cannot give files away: then the download fails, says why, and leaves nothing.
    other = pwd.getpwnam("nobody")
    machine.installation.ok("secret", "set", "azure-key", stdin=azure.secrets["azure-key"])
    azure.view.write("given/file.txt", b"yours", None)
    run, log = machine.finish(f"""{azure.make}
        cli.Options.OnDownloadGrantTo = "{other.pw_name}";
        Log("on: " + cli.Connect());
        Log("down: " + cli.Download("given/file.txt", "granted"));""")
    assert run["state"] == "succeeded", (run, log)
    target = site_files(machine) / "granted" / "file.txt"
    if os.geteuid() == 0:
        assert told(log)["down"] == "true", log
        assert target.stat().st_uid == other.pw_uid
    else:
        assert told(log)["down"] == "false"
        assert any("only a worker that runs as root" in line for line in log)
        assert not target.exists()
