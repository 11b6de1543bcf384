"""Each option, on every client, in both directions."""

import os
import pwd
import threading
import time
from contextlib import contextmanager

import pytest

from codecs_for_tests import Reversed, invert
from nightdrop.syncjs.remotes.transfer import CodecError
from remote_backends import Work, listing

OLD, NEW = 1_600_000_000, 1_700_000_000
UP, DOWN = "Upload", "Download"


def move(work: Work, way: str, source: bytes, mtime: float, target: bytes | None, target_mtime: float = OLD) -> bytes:
    """Transfer one file ``f`` that way, onto a target if there is one; return what the target has then."""
    if way == UP:
        work.write("f", source, mtime)
        if target is not None:
            work.put("to/f", target, target_mtime)
        assert work.client.Upload(work.at("f"), work.at("to")) is True, work.lines()
        return work.there("to/f")
    work.put("f", source, mtime)
    if target is not None:
        work.write("to/f", target, target_mtime)
    assert work.client.Download(work.at("f"), work.at("to")) is True, work.lines()
    return work.read("to/f")


both = pytest.mark.parametrize("way", [UP, DOWN])


@both
@pytest.mark.parametrize(
    ("policy", "source", "mtime", "target", "moves"),
    [
        (None, b"new", NEW, b"old", False),
        (0, b"new", NEW, b"old", False),
        (0, b"new", NEW, None, True),
        (1, b"new", OLD, b"old", True),
        (2, b"new", NEW, b"old", False),
        (2, b"newer", OLD - 1, b"old", True),
        (3, b"new", OLD, b"old", False),
        (3, b"new", OLD - 1, b"old", False),
        (3, b"new", OLD + 1, b"old", True),
        (3, b"new", OLD + 0.9, b"old", False),
    ],
)
def test_policy(
    work: Work, way: str, policy: int | None, source: bytes, mtime: float, target: bytes | None, moves: bool
) -> None:
    if policy is not None:
        work.options(**{f"{way}Policy": policy})
    assert move(work, way, source, mtime, target) == (source if moves else target)
    assert ("left alone" in work.lines()) is not moves


@both
def test_the_time_is_kept_unless_told_otherwise(work: Work, way: str) -> None:
    move(work, way, b"1", NEW, None)
    side = work.remote.mtime if way == UP else lambda path: (work.client.local / path).stat().st_mtime
    assert side(work.at("to/f")) == NEW
    work.options(**{f"AdjustTimeOn{way}": False, f"{way}Policy": 1})
    before = int(time.time())
    move(work, way, b"2", NEW, None)
    assert side(work.at("to/f")) >= before


@both
@pytest.mark.parametrize("wanted", [True, False])
def test_a_temporary_name_is_used_until_the_file_is_complete(work: Work, way: str, wanted: bool) -> None:
    seen: set[str] = set()

    def there() -> list[str]:
        return listing(work.local / "to") if way == DOWN else work.names("to")

    def look() -> None:
        seen.update(there())

    work.client.codecs = lambda _: Reversed(look)
    work.options(OTFE=True, OTFEKey="k", **{f"{way}WithTempName": wanted})
    big = os.urandom(3_000_000)
    source = big if way == UP else Reversed.mark + invert(big)
    result = move(work, way, source, NEW, None)
    assert result == (Reversed.mark + invert(big) if way == UP else big)
    whole = way == UP and "partial files" in work.lacks
    assert ("f.tempfile" in seen) is (wanted and not whole)
    assert there() == ["f"]
    # A download is never seen under its name before it is complete.
    assert (way == UP and not whole) or "f" not in seen


@both
def test_the_source_is_deleted_after_it_arrived(work: Work, way: str) -> None:
    work.options(**{f"DeleteSourceAfter{way}": True, f"{way}Policy": 1})
    assert move(work, way, b"1", NEW, b"old") == b"1"
    assert not (work.local / "f").exists()
    assert not work.remote.exists(work.at("f"))


@both
def test_the_source_stays_when_it_is_left_alone(work: Work, way: str) -> None:
    work.options(**{f"DeleteSourceAfter{way}": True})
    assert move(work, way, b"1", NEW, b"old") == b"old"
    assert (work.local / "f").exists() if way == UP else work.remote.exists(work.at("f"))


def versions(work: Work, way: str) -> dict[str, bytes]:
    """Return name and content of the copies in the target's directory, oldest first."""
    if way == UP:
        return {name: work.there(f"to/.ver/{name}") for name in work.names("to/.ver")}
    return {name: work.read(f"to/.ver/{name}") for name in listing(work.local / "to/.ver")}


@both
def test_versions_are_kept_and_the_oldest_go(work: Work, way: str) -> None:
    side = "Remote" if way == UP else "Local"
    work.options(**{f"Versioned{way}": True, f"{way}Policy": 1, f"VersionsToKeep{side}": 2})
    for n in range(5):
        assert move(work, way, b"%d" % n, NEW + n, None) == b"%d" % n
    copies = versions(work, way)
    assert list(copies.values()) == [b"2", b"3"]
    assert all(name.startswith("f.2") and name.endswith("Z") for name in copies)


@both
def test_three_versions_are_kept_unless_told_otherwise(work: Work, way: str) -> None:
    work.options(**{f"Versioned{way}": True, f"{way}Policy": 1, f"{way}WithTempName": True})
    for n in range(6):
        move(work, way, b"%d" % n, NEW + n, None)
    assert list(versions(work, way).values()) == [b"2", b"3", b"4"]


@both
def test_versions_and_temporary_files_are_not_part_of_a_recursive_transfer(work: Work, way: str) -> None:
    for name in ("a", "sub/.ver/a.20260101T000000000000Z", "b.tempfile"):
        work.write(name)
        work.put(name)
    if way == UP:
        assert work.client.UploadR(work.at("*"), work.at("to"))
        assert work.names("to") == ["a"]
    else:
        assert work.client.DownloadR(work.at("*"), work.at("to"))
        assert listing(work.local / "to") == ["a"]


@both
@pytest.mark.parametrize("stop", [True, False])
def test_a_failure_ends_the_batch_only_when_told(work: Work, way: str, stop: bool) -> None:
    for name in ("a", "b", "c"):
        work.write(f"from/{name}")
        work.put(f"from/{name}")
    # Where b should go, a directory stands.
    (work.local / "to/b").mkdir(parents=True)
    work.put("to/b/x")
    work.options(StopOnTransferError=stop)
    act = work.client.Upload if way == UP else work.client.Download
    assert act(work.at("from/*"), work.at("to")) is False
    there = work.names("to") if way == UP else listing(work.local / "to")
    assert there == (["a", "b"] if stop else ["a", "b", "c"])
    assert work.at("from/b") in work.lines("error")


def test_downloads_are_given_to_an_account(work: Work) -> None:
    work.put("f", b"1")
    root = os.getuid() == 0
    account = pwd.getpwnam("nobody" if root else "root")
    work.options(OnDownloadGrantTo=account.pw_name)
    assert work.client.Download(work.at("f"), work.at("to")) is root
    if root:
        assert (work.local / "to/f").stat().st_uid == account.pw_uid
    else:
        assert "OnDownloadGrantTo" in work.lines("error")
        assert listing(work.local / "to") == []
    work.options(OnDownloadGrantTo="no-such-account", DownloadPolicy=1)
    assert work.client.Download(work.at("f"), work.at("to")) is False
    assert "no such account" in work.lines("error")


class Slow(Reversed):
    """A codec whose beginnings note in which thread they are, and how many there are at once."""

    slow = True

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []
        self.now = self.most = 0

    @contextmanager
    def noted(self):
        self.threads.append(threading.get_ident())
        self.now += 1
        self.most = max(self.most, self.now)
        yield
        self.now -= 1

    def encoder(self) -> Reversed.Encoder:
        with self.noted():
            return super().encoder()

    def decoder(self) -> "Reversed.Decoder":
        codec = self

        class Decoder(Reversed.Decoder):
            def update(self, data: bytes) -> bytes:
                with codec.noted():
                    return super().update(data)

        return Decoder(self)


def test_what_is_slow_to_begin_with_begins_beside_the_connection_one_at_a_time(work: Work) -> None:
    codec = Slow()
    work.client.codecs = lambda _: codec
    for number in range(4):
        work.write(f"from/{number}", b"content")
    work.options(OTFE=True, OTFEKey="some key")
    assert work.client.Upload(work.at("from/*"), work.at("to")) is True, work.lines()
    assert work.client.Download(work.at("to/*"), work.at("back")) is True, work.lines()
    assert {work.read(f"back/{number}") for number in range(4)} == {b"content"}
    assert len(codec.threads) >= 8
    assert threading.get_ident() not in codec.threads
    assert codec.most == 1


def test_files_are_encrypted_on_their_way_there_and_decrypted_on_their_way_back(work: Work) -> None:
    keys: list[str] = []
    work.client.secrets["key"] = "from the store"
    work.client.codecs = lambda key: keys.append(key) or Reversed()
    work.options(OTFE=True, OTFEKeyFromSecret="key", OTFESuffix=".sealed")
    for name in ("a", "b"):
        work.write(name, name.encode() * 1000)
    work.write("empty")
    assert work.client.Upload(work.at("*"), work.at("to")), work.lines()
    assert work.names("to") == ["a.sealed", "b.sealed", "empty.sealed"]
    assert work.there("to/a.sealed") == Reversed.mark + invert(b"a" * 1000)
    assert work.there("to/empty.sealed") == Reversed.mark
    assert work.client.Download(work.at("to/*"), work.at("back")), work.lines()
    assert work.read("back/b") == b"b" * 1000
    assert work.read("back/empty") == b""
    assert work.client.Download(work.at("to/a"), work.at("one")), work.lines()
    assert work.read("one/a") == b"a" * 1000
    assert keys == ["from the store"] * 3


@both
def test_sizes_are_compared_as_they_are_when_encrypted(work: Work, way: str) -> None:
    work.client.codecs = lambda _: Reversed()
    work.options(OTFE=True, OTFEKey="k", **{f"{way}Policy": 2})
    sealed, plain = Reversed.mark + invert(b"123"), b"123"
    source, target = (plain, sealed) if way == UP else (sealed, plain)
    assert move(work, way, source, NEW, target) == target
    assert "same size" in work.lines()
    assert move(work, way, source, NEW, target + b"4") == target


@both
@pytest.mark.parametrize("options", [{"OTFEKey": ""}, {"OTFEKeyFromSecret": "missing"}, {}])
def test_without_a_key_nothing_is_transferred(work: Work, way: str, options: dict[str, str]) -> None:
    work.client.codecs = lambda _: Reversed()
    work.write("f", b"plain")
    work.put("f", b"plain")
    work.options(OTFE=True, **options)
    act = work.client.Upload if way == UP else work.client.Download
    assert act(work.at("f"), work.at("to")) is False
    assert "OTFEKey is empty" in work.lines("error") or "secret 'missing'" in work.lines("error")
    assert not work.remote.exists(work.at("to"))
    assert not (work.local / "to").exists()


def test_what_does_not_decrypt_leaves_the_target_alone(work: Work) -> None:
    work.client.codecs = lambda _: Reversed()
    work.put("f", b"not sealed at all")
    work.write("to/f", b"precious", OLD)
    work.options(OTFE=True, OTFEKey="k", DownloadPolicy=1, DeleteSourceAfterDownload=True, VersionedDownload=True)
    assert work.client.Download(work.at("f"), work.at("to")) is False
    assert "not an encrypted file" in work.lines("error")
    assert work.read("to/f") == b"precious"
    assert listing(work.local / "to") == ["f"]
    assert work.there("f") == b"not sealed at all"


def test_a_source_that_does_not_encrypt_leaves_source_and_target_alone(work: Work) -> None:
    def fail() -> None:
        raise CodecError("the key is no good")

    work.client.codecs = lambda _: Reversed(fail)
    work.write("f", b"1")
    work.put("to/f", b"precious", OLD)
    for more in ({}, {"VersionedUpload": True}, {"UploadWithTempName": True}):
        work.options(OTFE=True, OTFEKey="k", UploadPolicy=1, DeleteSourceAfterUpload=True, **more)
        assert work.client.Upload(work.at("f"), work.at("to")) is False
        assert work.there("to/f") == b"precious"
        assert work.read("f") == b"1"
    assert work.lines("error").count("the key is no good") == 3


@pytest.mark.parametrize("when", ["shorter", "longer", "other"])
def test_a_source_that_changes_under_an_upload_is_not_deleted(work: Work, when: str) -> None:
    data = os.urandom(3_000_000)

    def change() -> None:
        with (work.local / "f").open("r+b") as file:
            if when == "shorter":
                file.truncate(10)
            else:
                file.seek(0, 2 if when == "longer" else 0)
                file.write(b"x")
        os.utime(work.local / "f", (NEW + 1, NEW + 1))

    work.client.codecs = lambda _: Reversed(change)
    work.write("f", data, NEW)
    work.options(OTFE=True, OTFEKey="k", DeleteSourceAfterUpload=True)
    assert work.client.Upload(work.at("f"), work.at("to")) is False
    assert (work.local / "f").exists()
    assert "the source" in work.lines("error")


def test_unknown_and_wrong_options_are_told_with_the_nearest_name(work: Work) -> None:
    work.write("f", b"1")
    work.options(UploadPolici=1, OTFE="yes", Zzzz=1)
    assert work.client.Upload(work.at("f"), work.at("to")) is True
    assert "'UploadPolici'; did you mean UploadPolicy?" in work.lines("warn")
    assert "OTFE must be a boolean" in work.lines("warn")
    assert "no field 'Zzzz'\n" in work.lines("warn") + "\n"
    work.options(UploadPolicy=7)
    assert work.client.Upload(work.at("f"), work.at("to")) is False
    assert "none of the four" in work.lines("error")
