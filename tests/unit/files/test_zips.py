"""Archives: what hostile ones try, and that a failure leaves nothing behind."""

import stat
import struct
import zipfile

import pytest

from nightdrop.syncjs.files import FileProblem, zips


@pytest.fixture
def make(site):
    """Write an archive of names or infos and their contents."""

    def made(*entries, name="a.zip", method=zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(site / name, "w", method) as archive:
            for entry, data in entries:
                archive.writestr(entry, data)
        return site / name

    return made


def names(site):
    return sorted(str(path.relative_to(site)) for path in site.rglob("*"))


def info(name, mode=0, system=3):
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    made.create_system = system
    return made


def test_what_was_packed_is_unpacked(files, site):
    (site / "in" / "deep").mkdir(parents=True)
    (site / "in" / "a").write_bytes(bytes(range(256)) * 9000)
    (site / "in" / "deep" / "ü").write_text("x")
    assert zips.pack(files, ["in/**"], "a.zip") == 2
    assert zips.unpack(files, "a.zip", "out/there") == 2
    assert (site / "out" / "there" / "a").read_bytes() == (site / "in" / "a").read_bytes()
    assert (site / "out" / "there" / "deep" / "ü").read_text() == "x"
    assert not list(site.rglob("*.part"))


def test_files_that_are_there_are_replaced_and_others_stay(files, site, make):
    (site / "out" / "d").mkdir(parents=True)
    (site / "out" / "d" / "a").write_text("old")
    (site / "out" / "other").write_text("stays")
    make(("d/a", "new"), ("empty/", ""), ("w\\in.txt", "back"))
    assert zips.unpack(files, "a.zip", "out") == 2
    assert names(site / "out") == ["d", "d/a", "empty", "other", "w", "w/in.txt"]
    assert (site / "out" / "d" / "a").read_text() == "new"


@pytest.mark.parametrize(
    "entry",
    [
        "../evil",
        "a/../../evil",
        "/evil",
        "..\\evil",
        "\\evil",
        "x/" * 101 + "y",
        info("link", stat.S_IFLNK | 0o777),
        info("pipe", stat.S_IFIFO | 0o644),
        info("device", stat.S_IFCHR | 0o644),
    ],
    ids=str,
)
def test_entries_that_lead_out_are_refused_and_nothing_is_unpacked(files, site, make, entry):
    make(("good", "x"), (entry, "/etc/passwd"))
    with pytest.raises(FileProblem, match=r"does not stay|link or a device") as problem:
        zips.unpack(files, "a.zip", "new/out")
    assert problem.value.about is not None
    assert names(site) == ["a.zip"]


@pytest.mark.parametrize(
    "entries",
    [
        [("a", "1"), ("a", "2")],
        [("a", "1"), ("a/b", "2")],
        [("a/b", "1"), ("a", "2")],
        [("a/", ""), ("a", "2")],
        [("a", "1"), ("./a", "2")],
    ],
)
def test_entries_that_are_in_each_others_way(files, site, make, entries):
    with pytest.warns(UserWarning, match="Duplicate name") if entries[0][0] == entries[1][0] else _nothing():
        make(*entries)
    with pytest.raises(FileProblem):
        zips.unpack(files, "a.zip", "out")
    assert names(site) == ["a.zip"]


def _nothing():
    import contextlib

    return contextlib.nullcontext()


def test_a_link_in_the_way_is_not_followed(files, site, outside, make):
    (site / "out").mkdir()
    (site / "out" / "d").symlink_to(outside)
    (site / "out" / "f").symlink_to(outside / "secret")
    for entry in ("d/secret", "f"):
        make((entry, "evil"))
        with pytest.raises(FileProblem):
            zips.unpack(files, "a.zip", "out")
    assert (outside / "secret").read_text() == "secret"
    assert names(site) == ["a.zip", "out", "out/d", "out/f"]


def test_a_bomb_is_stopped(files, site, make, monkeypatch):
    monkeypatch.setattr(zips, "RATIO_FROM", 1 << 20)
    make(("zeros", bytes(3 << 20)))
    with pytest.raises(FileProblem, match="too large"):
        zips.unpack(files, "a.zip", "out")
    assert names(site) == ["a.zip"]
    monkeypatch.setattr(zips, "MAX_UNPACKED", 1000)
    make(("some", bytes(1001)))
    with pytest.raises(FileProblem, match="too large"):
        zips.unpack(files, "a.zip", "out")
    make(("some", bytes(1000)))
    assert zips.unpack(files, "a.zip", "out") == 1


def test_sizes_that_lie_are_counted(files, site, make):
    path = make(("a", b"x" * 1000), method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    # The length before packing, in the directory (APPNOTE.TXT 4.3.12).
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 10)
    path.write_bytes(data)
    with pytest.raises(FileProblem):
        zips.unpack(files, "a.zip", "out")
    assert names(site) == ["a.zip"]


def test_too_many_entries(files, site, make, monkeypatch):
    monkeypatch.setattr(zips, "MAX_FILES", 3)
    make(*((str(number), "x") for number in range(4)))
    with pytest.raises(FileProblem, match="more than 3"):
        zips.unpack(files, "a.zip", "out")
    for number in range(4):
        (site / f"f{number}").write_text("x")
    with pytest.raises(FileProblem, match="more than 3"):
        zips.pack(files, ["f*"], "b.zip")
    assert not (site / "b.zip").exists()


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped", "directory"])
def test_damage(files, site, make, damage):
    path = make(("a", bytes(range(256)) * 100), ("b", "x" * 1000))
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06")
    if damage == "flipped":
        data[100] ^= 0xFF
    elif damage == "directory":
        data[end + 12 : end + 16] = struct.pack("<I", 0xFFFFFF)
    path.write_bytes({"empty": b"", "text": b"no archive", "cut": data[: len(data) // 2]}.get(damage, data))
    with pytest.raises(FileProblem):
        zips.unpack(files, "a.zip", "out")
    assert names(site) == ["a.zip"]


def test_a_huge_directory_is_not_read(files, site, make, monkeypatch):
    monkeypatch.setattr(zips, "_MAX_DIRECTORY", 100_000)
    make(*((f"{number:0>100}", "") for number in range(1000)))
    with pytest.raises(FileProblem, match="directory is too large"):
        zips.unpack(files, "a.zip", "out")


def test_what_is_encrypted_or_packed_otherwise(files, site, make):
    make(("a", "x"), method=zipfile.ZIP_BZIP2)
    with pytest.raises(FileProblem, match="not supported"):
        zips.unpack(files, "a.zip", "out")
    path = make(("a", "x"))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(FileProblem, match="encrypted"):
        zips.unpack(files, "a.zip", "out")


def test_the_archive_is_not_in_itself_and_times_and_permissions_are_kept(files, site):
    import os

    (site / "a").write_text("x")
    (site / "a").chmod(0o640)
    os.utime(site / "a", (0, 0))
    (site / "z.zip").write_text("old")
    assert zips.pack(files, ["*"], "z.zip") == 1
    (entry,) = zipfile.ZipFile(site / "z.zip").infolist()
    assert (entry.filename, entry.date_time[0], entry.external_attr >> 16) == ("a", 1980, stat.S_IFREG | 0o640)


def test_a_mask_has_wildcards_at_its_end_only(files):
    with pytest.raises(FileProblem, match="last part"):
        zips.pack(files, ["*/x"], "a.zip")
