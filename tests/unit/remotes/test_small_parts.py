"""Names, masks, policies, versions, fields, hosts and progress."""

from datetime import UTC, datetime

import pytest

from nightdrop.syncjs.constants import CONSTANTS
from nightdrop.syncjs.remotes import fields, names
from nightdrop.syncjs.remotes.ftpwire import TlsMode
from nightdrop.syncjs.remotes.kinds import split_host
from nightdrop.syncjs.remotes.policies import Policy, Side, why_skip
from nightdrop.syncjs.remotes.port import RemoteError, clean
from nightdrop.syncjs.remotes.progress import Progress, amount
from nightdrop.syncjs.remotes.versions import superfluous, version_name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a\0b", "../x"])
def test_what_leads_elsewhere_is_no_name(name: str) -> None:
    assert not names.is_name(name)


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb", "x" * 256, "ü" * 128, "..", "a/b"])
def test_what_no_local_file_is_called(name: str) -> None:
    assert not names.is_local_name(name)


@pytest.mark.parametrize(
    ("mask", "yes", "no"),
    [
        ("*.csv", "a.csv", "a.CSV"),
        ("", "anything", None),
        ("*.*", "no-dot", None),
        ("a?[0-9].txt", "ab1.txt", "ab1.txt.gz"),
        ("[!a]*", "b", "a"),
        ("a.b", "a.b", "axb"),
    ],
)
def test_masks(mask: str, yes: str, no: str | None) -> None:
    assert names.matches(yes, mask)
    assert no is None or not names.matches(no, mask)


def test_a_mask_is_split_at_its_last_slash() -> None:
    assert names.split_mask("/in/*.csv") == ("/in", "*.csv")
    assert names.split_mask("/x") == ("/", "x")
    assert names.split_mask("x") == ("", "x")
    for wrong in ("in/", "", "*/x"):
        with pytest.raises(RemoteError):
            names.split_mask(wrong)


def test_paths() -> None:
    assert (names.below("", "a"), names.below("/", "a"), names.below("b/", "a")) == ("a", "/a", "b/a")
    assert (names.parent("a"), names.parent("/a"), names.parent("/a/b")) == ("", "/", "/a")
    assert (names.checked("x", "/a//"), names.checked("x", "/"), names.checked("x", "")) == ("/a", "/", "")


def test_unknown_sides_count_as_different() -> None:
    known, nobody = Side(1, 1.0), Side(None, None)
    for policy in (Policy.OVERWRITE_IF_DIFF_SIZE, Policy.OVERWRITE_IF_NEWER):
        assert why_skip(policy, known, nobody) is None
        assert why_skip(policy, nobody, known) is None
    assert why_skip(Policy.NEVER_OVERWRITE, nobody, nobody) == "the target exists"


def test_versions_are_those_of_this_file() -> None:
    one, two, three = (version_name("f", datetime(2026, 1, day, tzinfo=UTC)) for day in (1, 2, 3))
    found = [three, one, two, "f.txt", "f.20260101", version_name("f.x", datetime(2020, 1, 1, tzinfo=UTC)), "g"]
    assert superfluous(found, "f", 1) == [one, two]
    assert superfluous(found, "f", 0) == superfluous(found, "f", -1) == [one, two, three]
    assert superfluous(found, "f", 3) == []


def test_the_nearest_name_is_found() -> None:
    known = fields.CLIENTS["sftp"].fields
    assert fields.unknown("hostkeysha256", known) == "HostKeySHA256"
    assert fields.unknown("Password", known) in ("Pass", "PassFromSecret")
    assert fields.unknown("Quux", known) is None


@pytest.mark.parametrize("kind", fields.CLIENTS)
def test_every_credential_can_come_from_a_secret(kind: str) -> None:
    client = fields.CLIENTS[kind]
    sources = fields.secret_sources(client.fields)
    assert sorted(sources.values()) == sorted(field.name for field in client.fields if field.secret)
    assert len({field.name for field in client.fields}) == len(client.fields)


def test_the_options_are_those_of_the_script_api() -> None:
    documented = [field.name for field in fields.OPTIONS if field.origin is fields.Origin.SYNCJS]
    assert len(documented) == 17
    assert fields.secret_sources(fields.OPTIONS) == {"OTFEKeyFromSecret": "OTFEKey"}


def test_constants_have_the_values_of_the_script_api() -> None:
    named = {constant.name: constant.value for group in CONSTANTS for constant in group.constants}
    assert [
        named[name] for name in ("NeverOverwrite", "AlwaysOverwrite", "OverwriteIfDiffSize", "OverwriteIfNewer")
    ] == [int(policy) for policy in Policy]
    assert [named[f"TLS_MODE_{mode.name}"] for mode in TlsMode] == [int(mode) for mode in TlsMode]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h", ("h", 22)),
        ("h:2222", ("h", 2222)),
        (" h.example ", ("h.example", 22)),
        ("[::1]:5", ("::1", 5)),
        ("[fe80::1%eth0]", ("fe80::1%eth0", 22)),
        ("2001:db8::1", ("2001:db8::1", 22)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
    ],
)
def test_hosts(text: str, expected: tuple[str, int]) -> None:
    assert split_host(text, 22) == expected


@pytest.mark.parametrize("text", ["", "h:", "h:0", "h:65536", "h:x", "a b", "u@h", "h/p", "[::1", "[]:1"])
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(RemoteError):
        split_host(text, 22)


def test_a_servers_text_is_made_one_harmless_line() -> None:
    assert clean("  a\r\n\x1b[31mb\u202e\0c  ") == "a [31mb c"
    assert len(clean("x" * 10_000_000)) == 200


def test_progress_is_told_once_a_second_and_summed_up() -> None:
    now = [0.0]
    lines: list[tuple[str, str]] = []
    progress = Progress(lambda *line: lines.append(line), "uploading", "uploaded", lambda: now[0])
    for step in range(1, 31):
        now[0] = step / 10
        progress.moved("f", 1_000_000, step * 1_000_000, 30_000_000)
    progress.finished()
    progress.skip("g", "the target exists")
    progress.fail("upload", "h", "no space left")
    progress.close()
    assert lines == [
        ("info", "uploading f: 10.0 MB of 30.0 MB, 10.0 MB/s"),
        ("info", "uploading f: 20.0 MB of 30.0 MB, 10.0 MB/s"),
        ("info", "uploading f: 30.0 MB of 30.0 MB, 10.0 MB/s"),
        ("info", "not uploaded g: the target exists"),
        ("error", "upload h: no space left"),
        ("error", "uploaded 1 file, 30.0 MB in 3.0 s (10.0 MB/s); 1 left alone; 1 failed"),
    ]


def test_failures_beyond_a_hundred_are_counted_only() -> None:
    lines: list[str] = []
    progress = Progress(lambda _, text: lines.append(text), "uploading", "uploaded", lambda: 0.0)
    for n in range(1000):
        progress.fail("upload", str(n), "no")
        progress.skip(str(n), "no")
    progress.close()
    assert len(lines) == 201
    assert "1000 left alone; 1000 failed" in lines[-1]


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2.5e15, "2500.0 TB")]
)
def test_amounts(size: float, text: str) -> None:
    assert amount(size) == text
