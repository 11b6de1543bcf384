"""Listings of FTP servers."""

from datetime import UTC, datetime

import pytest

from nightdrop.syncjs.remotes.ftplist import Entry, format_time, parse_facts, parse_line, parse_own_facts, parse_time
from nightdrop.syncjs.remotes.port import ItemKind

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
FILE, DIR, OTHER = ItemKind.FILE, ItemKind.DIR, ItemKind.OTHER


def at(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (
            "modify=20260301101112;perm=adfrw;size=5;type=file;unix.mode=0644; a b",
            Entry("a b", FILE, 5, at(2026, 3, 1, 10, 11, 12), "rw-r--r--"),
        ),
        ("Type=dir;Modify=20260301101112.5; d", Entry("d", DIR, 0, at(2026, 3, 1, 10, 11, 12) + 0.5)),
        ("type=OS.unix=slink:/etc/passwd; l", Entry("l", None)),
        ("type=OS.unix=symlink; l", Entry("l", None)),
        ("type=OS.unix=chr-1/3; dev", Entry("dev", OTHER)),
        ("type=file;size=99999999999999999999;modify=20261399999999; x", Entry("x", FILE)),
        ("type=file;size=-1; x", Entry("x", FILE)),
        (" only a name", Entry("only a name", FILE)),
        ("type=cdir; .", None),
        ("type=pdir; ..", None),
        ("type=file;", None),
        ("", None),
    ],
)
def test_facts(line: str, entry: Entry | None) -> None:
    assert parse_facts(line) == entry


def test_facts_of_the_directory_itself() -> None:
    assert parse_own_facts(" type=cdir;unix.mode=0755; /in") == Entry("/in", DIR, 0, None, "rwxr-xr-x")


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("-rw-r--r--   1 0  0  12 Mar 09 10:11 a.txt", Entry("a.txt", FILE, 12, at(2026, 3, 9, 10, 11), "rw-r--r--")),
        ("-rw-r--r--   1 0  0  12 Mar 11 10:11 a.txt", Entry("a.txt", FILE, 12, at(2026, 3, 11, 10, 11), "rw-r--r--")),
        ("-rw-r--r--   1 0  0  12 Dec 31 23:59 a", Entry("a", FILE, 12, at(2025, 12, 31, 23, 59), "rw-r--r--")),
        ("drwxr-x---+  2 me us  4096 Jan  1  2020 a  b ", Entry("a  b ", DIR, 0, at(2020, 1, 1), "rwxr-x---")),
        ("-rw-r--r--   1 me  12 Jan  1  2020  lead", Entry(" lead", FILE, 12, at(2020, 1, 1), "rw-r--r--")),
        ("lrwxrwxrwx   1 0  0  5 Jan  1  2020 l -> /etc", Entry("l", None, 0, at(2020, 1, 1), "rwxrwxrwx")),
        ("crw-r--r--   1 0  0  5 Jan  1  2020 tty", Entry("tty", OTHER, 0, at(2020, 1, 1), "rw-r--r--")),
        ("-rw-r--r--   1 0  0  5 Feb 29 10:00 leap", Entry("leap", FILE, 5, None, "rw-r--r--")),
        ("-rw-r--r--   1 0  0  5 Abc 29 10:00 x", None),
        ("02-28-26  11:05PM       <DIR>          in", Entry("in", DIR, 0, at(2026, 2, 28, 23, 5))),
        ("02-28-2026  12:05AM            42 a b.txt", Entry("a b.txt", FILE, 42, at(2026, 2, 28, 0, 5))),
        ("02-28-99  23:05            42 x", Entry("x", FILE, 42, at(1999, 2, 28, 23, 5))),
        ("total 12", None),
        ("", None),
        ("-" * 8000, None),
    ],
)
def test_lines(line: str, entry: Entry | None) -> None:
    assert parse_line(line, NOW) == entry


def test_times() -> None:
    assert parse_time("20260301101112") == at(2026, 3, 1, 10, 11, 12)
    assert parse_time("soon") is None
    assert parse_time("20269901101112") is None
    assert format_time(at(2026, 3, 1, 10, 11, 12) + 0.9) == "20260301101112"
