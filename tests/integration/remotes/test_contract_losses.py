"""Connections that are cut while a file is on its way, on every client that keeps one.

Those of object stores are used for single requests; what happens when one breaks off is in test_object_losses.py.
"""

import os

import pytest

from codecs_for_tests import Reversed, invert
from nightdrop.syncjs.remotes.port import DialError
from remote_backends import DISKS, Backend, Work

pytestmark = pytest.mark.parametrize("backend", DISKS, indirect=True, scope="module")

DATA = os.urandom(12_000_000)


class Cut:
    """Cuts every connection of the server when a file is so far, as often as ``times`` says."""

    def __init__(self, backend: Backend, at: int, times: int = 1) -> None:
        self.backend, self.at, self.left, self.pieces = backend, at, times, 0

    def __call__(self) -> None:
        self.pieces += 1
        if self.pieces % self.at == 0 and self.left:
            self.left -= 1
            self.backend.kill_sessions()


@pytest.mark.parametrize("temporary", [True, False])
@pytest.mark.parametrize("times", [1, 2])
def test_an_upload_goes_on_where_it_was(work: Work, backend: Backend, temporary: bool, times: int) -> None:
    cut = Cut(backend, 4, times)
    work.client.codecs = lambda _: Reversed(cut)
    work.options(OTFE=True, OTFEKey="k", UploadWithTempName=temporary)
    work.write("f", DATA)
    assert work.client.Upload(work.at("f"), work.at("to")) is True, work.lines()
    assert work.there("to/f") == Reversed.mark + invert(DATA)
    assert work.names("to") == ["f"]
    assert cut.left == 0


@pytest.mark.parametrize("times", [1, 2])
def test_a_download_goes_on_where_it_was(work: Work, backend: Backend, times: int) -> None:
    cut = Cut(backend, 5, times)
    work.client.codecs = lambda _: Reversed(cut)
    work.options(OTFE=True, OTFEKey="k")
    work.put("f", Reversed.mark + invert(DATA))
    assert work.client.Download(work.at("f"), work.at("to")) is True, work.lines()
    assert work.read("to/f") == DATA
    assert cut.left == 0


def test_a_download_does_not_go_on_with_another_file(work: Work, backend: Backend) -> None:
    pieces = 0

    def replace() -> None:
        nonlocal pieces
        pieces += 1
        if pieces == 5:
            # Under the old name a new file: who has the old one open reads on.
            work.put("new", Reversed.mark + DATA, mtime=1_600_000_000)
            (work.remote.home / work.at("new")).replace(work.remote.home / work.at("f"))
            backend.kill_sessions()

    work.client.codecs = lambda _: Reversed(replace)
    work.options(OTFE=True, OTFEKey="k")
    work.put("f", Reversed.mark + invert(DATA))
    assert work.client.Download(work.at("f"), work.at("to")) is False
    assert "the file changed while the connection was lost" in work.lines("error")
    assert list((work.local / "to").iterdir()) == []


def test_between_two_calls_too_the_connection_is_made_again(work: Work, backend: Backend) -> None:
    work.write("f", b"1")
    backend.kill_sessions()
    assert work.client.Upload(work.at("f"), work.at("to")) is True, work.lines()
    assert work.there("to/f") == b"1"
    backend.kill_sessions()
    assert work.client.Download(work.at("to/f"), work.at("back")) is True, work.lines()


def test_calls_that_may_be_repeated_are_made_again(work: Work, backend: Backend) -> None:
    work.put("a/b", b"1")
    for method, wanted in (("Exists", True), ("MakeDir", True)):
        backend.kill_sessions()
        assert getattr(work.client, method)(work.at("a")) is wanted, work.lines()
    backend.kill_sessions()
    assert [item["Name"] for item in work.client.ListDirR(work.at(""))] == ["a", "b"], work.lines()


def test_a_deletion_is_not_made_twice(work: Work, backend: Backend) -> None:
    work.put("a", b"1")
    backend.kill_sessions()
    assert work.client.DelFile(work.at("a")) is False
    assert "the connection was lost" in work.lines("error")
    assert work.client.Exists(work.at("a")) is True


def test_when_nobody_answers_any_more_it_is_tried_once(work: Work, backend: Backend) -> None:
    for n in range(20):
        work.write(f"from/{n}", b"1")
    calls: list[object] = []

    def refuse(*where: object) -> None:
        calls.append(where)
        raise DialError("connection refused")

    real, work.client.dial = work.client.dial, refuse
    backend.kill_sessions()
    assert work.client.Upload(work.at("from/*"), work.at("to")) is False
    work.client.dial = real
    assert len(calls) == 1
    assert work.lines("error").count("connection refused") == 20
    assert work.client.connect() is True
    assert work.client.Upload(work.at("from/*"), work.at("to")) is True
