"""The worker's side of OnDownloadGrantTo: what a courier may ask for, and what it may not."""

import asyncio
import os
import pwd
from pathlib import Path

import pytest

from nightdrop.core.wire import Channel, ChannelClosedError, channel_pair
from nightdrop.worker.giving import Giving

ROOT = os.geteuid() == 0
# Somebody that this process may, or may not, give a file to.
OTHER = pwd.getpwnam("nobody" if ROOT else "root")


def ask(request: object, *paths: Path) -> object:
    """Send one request with open files as a courier does; return the answer, ``"closed"`` without one."""

    async def go() -> object:
        ours, theirs = channel_pair()
        giving = Giving(ours)
        files = [os.open(path, os.O_RDONLY) for path in paths]
        channel = Channel(theirs)
        channel.send_json(request, files)
        for file in files:
            os.close(file)
        try:
            return (await asyncio.wait_for(asyncio.to_thread(channel.recv_json), 20))["problem"]
        except ChannelClosedError:
            return "closed"
        finally:
            giving.close()
            channel.close()

    return asyncio.run(go())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "file"
    made.write_text("x")
    return made


def test_a_file_is_given(file: Path) -> None:
    problem = ask({"give": OTHER.pw_name}, file)
    if ROOT:
        assert problem is None
        assert (file.stat().st_uid, file.stat().st_gid) == (OTHER.pw_uid, OTHER.pw_gid)
    else:
        assert problem == "only a worker that runs as root may give files away"
        assert file.stat().st_uid == os.geteuid()


@pytest.mark.parametrize("account", ["no-such-account", "", "a\0b", "x" * 256])
def test_an_account_that_is_none(file: Path, account: str) -> None:
    assert ask({"give": account}, file) == "there is no such account"


def test_what_is_not_our_own_file_stays(tmp_path: Path, file: Path) -> None:
    os.link(file, tmp_path / "second name")
    for path in (tmp_path, file, Path("/dev/null")):
        assert ask({"give": OTHER.pw_name}, path) == "this is no file of the worker's own"
    assert file.stat().st_uid == os.geteuid()


@pytest.mark.parametrize(
    "request_",
    [{}, {"give": 1}, {"give": "x" * 257}, [], "give", None, {"take": "nobody"}, {"give": "nobody", "x": "y" * 5000}],
)
def test_what_is_no_request_ends_the_channel(file: Path, request_: object) -> None:
    assert ask(request_, file) == "closed"


@pytest.mark.parametrize("count", [0, 2])
def test_a_request_is_about_one_file(file: Path, count: int) -> None:
    assert ask({"give": OTHER.pw_name}, *[file] * count) == "closed"


def test_no_descriptor_is_kept(file: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for request in ({"give": OTHER.pw_name}, {"give": 1}, {"give": "no-such-account"}):
        ask(request, file)
        ask(request, file, file)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
