"""Object stores over connections that break off in the middle of a file."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutting_relay import Cuts
from nightdrop.syncjs.remotes import web
from remote_backends import BACKENDS, Backend
from remote_clients import Client, dial

STORES = ("moto", "azurite", "gcs")
# More than one part, or one piece, on each of them.
DATA = os.urandom(24_000_000)


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with BACKENDS[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture(autouse=True)
def hardly_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_FIRST_PAUSE_S", 0.001)


@pytest.fixture
def cuts() -> Cuts:
    return Cuts(dial)


@pytest.fixture
def client(store: Backend, tmp_path: Path, cuts: Cuts) -> Iterator[Client]:
    made = Client(store.kind, tmp_path, store.fields, context=store.context, dial=cuts)
    made.options = {"UploadPolicy": 1, "DownloadPolicy": 1}
    yield made
    made.close()
    cuts.join()


def test_an_upload_goes_on_where_it_broke_off(client: Client, store: Backend, cuts: Cuts) -> None:
    (client.local / "large").write_bytes(DATA)
    # Where every request has a connection of its own, the small ones are through before.
    cuts.after = [3_000_000] * (12 if store.kind == "s3" else 2)
    assert client.connect(), client.lines()
    assert client.Upload("large", "losses") is True, client.lines()
    assert store.files.read("losses/large") == DATA
    assert cuts.cut >= 1


def test_a_download_goes_on_where_it_broke_off(client: Client, store: Backend, cuts: Cuts) -> None:
    store.files.put("losses/down", DATA)
    cuts.after = [5_000_000] * 4
    assert client.connect(), client.lines()
    assert client.Download("losses/down", "back") is True, client.lines()
    assert (client.local / "back" / "down").read_bytes() == DATA
    assert cuts.cut >= 1


def test_an_upload_that_never_gets_through_leaves_what_was_there(client: Client, store: Backend, cuts: Cuts) -> None:
    store.files.put("losses/kept", b"precious")
    (client.local / "kept").write_bytes(DATA)
    cuts.after = [200_000] * 60
    if client.connect():
        assert client.Upload("kept", "losses") is False
        assert "upload kept" in client.lines("error"), client.lines()
    cuts.after = []
    assert store.files.read("losses/kept") == b"precious"
    assert [name for name in store.files.names("losses") if name.startswith("kept")] == ["kept"]


def test_a_download_that_never_gets_through_leaves_what_was_there(client: Client, store: Backend, cuts: Cuts) -> None:
    store.files.put("losses/far", DATA)
    (client.local / "near").mkdir()
    (client.local / "near" / "far").write_bytes(b"precious")
    # No progress: the answer breaks off before its body begins.
    cuts.after = [4_000_000, *[600] * 60]
    if client.connect():
        assert client.Download("losses/far", "near") is False
    cuts.after = []
    assert [path.name for path in (client.local / "near").iterdir()] == ["far"]
    assert (client.local / "near" / "far").read_bytes() == b"precious"
