"""The file functions of a script: over a real gateway and runner, both confined."""

import hashlib
import hmac
import os
import re
import stat
import zipfile

import pytest


@pytest.fixture
def site(tmp_path):
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


@pytest.fixture
def run(make_pair, site):
    """Run a script in the site's own directory and return its log."""

    def run(code, paths=(), **changes):
        result = make_pair(site, paths).run(code, **changes)
        assert result.end["state"] == "succeeded", result.end
        return result.texts

    return run


def test_texts(run, site):
    assert run("""
        Log(WriteTextFile("a.txt", "grüß\\n"), AppendTextFile("a.txt", "x"), AppendTextFile("new.txt", "y"));
        Log(JSON.stringify(ReadTextFile("a.txt")), FileSize("a.txt"), FileExists("a.txt"), DirExists("a.txt"));
        Log(ReadTextFile("./new.txt"), WriteTextFile("a.txt", ""), FileSize("a.txt"));
    """) == ["true true true", '"grüß\\nx" 8 true false', "y true 0"]
    assert (site / "a.txt").read_bytes() == b""
    assert stat.S_IMODE((site / "new.txt").stat().st_mode) == 0o600
    assert sorted(path.name for path in site.iterdir()) == ["a.txt", "new.txt"]


def test_bytes(run, site):
    assert run("""
        const bytes = new Uint8Array(1000).map((_, i) => i % 256);
        Log(WriteBinaryFile("b", bytes), AppendBinaryFile("b", bytes.subarray(0, 3)), FileSize("b"));
        Log(ReadBinaryFile("b").length, ReadBinaryFile("b", 998).join(), ReadBinaryFile("b", 256, 2).join());
        Log(ReadBinaryFile("b", 5000).length, ReadBinaryFile("b", 0, 0).length, ReadBinaryFile("none"));
    """) == ["true true 1003", "1003 230,231,0,1,2 0,1", "ReadBinaryFile 'none': it does not exist", "0 0 null"]
    assert (site / "b").read_bytes() == bytes(i % 256 for i in range(1000)) + b"\0\1\2"


def test_files_and_directories(run, site):
    lines = run("""
        Log(MakeDir("in/deep"), MakeDir("in"), DirExists("in/deep"), FileExists("in"));
        Log(WriteTextFile("in/a", "1"), CopyFile("in/a", "b"), MoveFile("in/a", "in/deep/c"), FileExists("in/a"));
        Log(ReadTextFile("b") + ReadTextFile("in/deep/c"), DelFile("b"), DelFile("b"));
        Log(DelDir("in"), DelTree("in"), DirExists("in"), DelTree("."));
    """)
    assert lines == [
        "true true true false",
        "true true true false",
        "DelFile 'b': it does not exist",
        "11 true false",
        "DelDir 'in': the directory is not empty",
        "DelTree '.': it is a directory of the site itself",
        "false true false false",
    ]
    assert list(site.iterdir()) == []


def test_listing(run, site):
    (site / "in" / "sub").mkdir(parents=True)
    (site / "in" / "b.csv").write_text("abc")
    (site / "in" / "b.csv").chmod(0o640)
    os.utime(site / "in" / "b.csv", (1_700_000_000, 1_700_000_000.5))
    (site / "in" / "link").symlink_to("b.csv")
    os.mkfifo(site / "in" / "pipe")
    lines = run("""
        const [file, dir] = ListDir("in");
        Log(JSON.stringify(file));
        Log(file.TimeStamp.getTime(), dir.Name, dir.Path, dir.Type, dir.Size, dir.Permissions);
        Log(ListDir("in", LIST_FILES).length, ListDir("in", LIST_DIRS)[0].Name, ListDir("")[0].Path, ListDir("none"));
        Log(ListDir("in", 7));
    """)
    assert lines[0] == (
        '{"Name":"b.csv","Path":"in/b.csv","Type":"FILE","Size":3,'
        '"TimeStamp":"2023-11-14T22:13:20.500Z","Permissions":"rw-r-----"}'
    )
    assert re.fullmatch(r"1700000000500 sub in/sub DIR 0 rwx.{6}", lines[1])
    assert lines[2:] == [
        "ListDir 'none': it does not exist",
        "1 sub in null",
        "ListDir 'in': the types must be LIST_ALL, LIST_FILES or LIST_DIRS",
        "null",
    ]


def test_a_name_that_is_not_utf8_can_be_used(run, site):
    (site / os.fsdecode(b"\xe9t\xe9.txt")).write_text("found")
    assert run("const [item] = ListDir('.'); Log(item.Name.length, ReadTextFile(item.Path), DelFile(item.Path))") == [
        "7 found true"
    ]
    assert list(site.iterdir()) == []


def test_digests(run, site):
    data = "grüß".encode()
    (site / "f").write_bytes(data)
    lines = run("""
        for (const a of ["md5", "sha1", "sha256", "sha512"]) Log(Hash("grüß", a), HashFile("f", a), Hmac("k", "grüß", a));
        Log(Hash("grüß"), Hash(new TextEncoder().encode("grüß"), "SHA-256", "base64"), Hash("x", "md4"), HashFile("g"));
        Log(Hash({}), Hmac("k"), Hash("x", "md5", "oct"));
    """)
    for line, name in zip(lines, ("md5", "sha1", "sha256", "sha512"), strict=False):
        plain = hashlib.new(name, data).hexdigest()
        assert line == f"{plain} {plain} {hmac.digest(b'k', data, name).hex()}"
    import base64

    sha = hashlib.sha256(data)
    assert lines[6] == f"{sha.hexdigest()} {base64.b64encode(sha.digest()).decode()}  "
    assert lines[4:6] == [
        "Hash: the algorithm must be one of md5, sha1, sha256, sha512",
        "HashFile 'g': it does not exist",
    ]
    assert lines[7:] == [
        "Hash: data must be of type string | Uint8Array",
        "Hmac: data must be of type string | Uint8Array",
        "Hash: the form must be hex or base64",
        "  ",
    ]


def test_values(run):
    lines = run("""
        Log(Base64Encode("grüß?>"), Base64Encode(new Uint8Array([251, 255]), true), Base64Decode("Z3LDvMOfPz4="));
        Log(Base64DecodeBytes("-_8").join(), Base64Decode("!") === "", Base64DecodeBytes(5), Base64Encode({}) === "");
        const d = new Date(Date.UTC(2024, 2, 5, 13, 4, 9, 7));
        Log(FormatDateTime("yyyy-MM-dd'T'HH:mm:ss.fffzzz", d, true), FormatDateTime("ddd d MMM yy h:mm tt 'o''clock'", d, true));
        Log(FormatDateTime("dddd MMMM M H m s hh", d, true), FormatDateTime("yyyy", "never") === "");
        Log(FormatDateTime("yyyy-MM-dd").length, FormatDateTime("yyyy", 0, true), FormatDateTime("zzz", d).length);
        const ids = new Set(Array.from({length: 100}, UUID)); Log(ids.size, UUID());
    """)
    assert lines[0] == "Z3LDvMOfPz4= -_8 grüß?>"
    assert "251,255 true null true" in lines
    assert "2024-03-05T13:04:09.007+00:00 Tue 5 Mar 24 1:04 PM o'clock" in lines
    assert "Tuesday March 3 13 4 9 01 true" in lines
    assert "10 1970 6" in lines
    assert re.fullmatch(r"100 [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", lines[-1])
    assert "Base64Encode: data must be of type string | Uint8Array" in lines
    assert "FormatDateTime: date is not a date" in lines


def test_archives(run, site):
    (site / "out" / "deep").mkdir(parents=True)
    (site / "out" / "a.csv").write_text("a" * 10_000)
    (site / "out" / "b.txt").write_text("b")
    (site / "out" / "deep" / "c.csv").write_text("c")
    lines = run("""
        Log(ZipFiles("out/*.csv", "flat.zip"), ZipFiles(["out/**", "flat.zip"], "all.zip"), ZipFiles("out/**/*.csv", "deep.zip"));
        Log(UnzipFiles("all.zip", "new/place"), ReadTextFile("new/place/deep/c.csv"), FileSize("new/place/a.csv"));
        Log(ZipFiles("out/*.none", "none.zip"), ZipFiles(["out/*", "out/*"], "none.zip"), FileExists("none.zip"));
    """)
    assert lines[0] == "true true true"
    assert zipfile.ZipFile(site / "flat.zip").namelist() == ["a.csv"]
    assert zipfile.ZipFile(site / "all.zip").namelist() == ["a.csv", "b.txt", "deep/c.csv", "flat.zip"]
    assert zipfile.ZipFile(site / "deep.zip").namelist() == ["a.csv", "deep/c.csv"]
    assert zipfile.ZipFile(site / "all.zip").testzip() is None
    assert lines[1] == "true c 10000"
    assert lines[2:] == [
        "ZipFiles 'out/*.none' -> 'none.zip': 'out/*.none': no file fits it",
        "ZipFiles 'out/*', 'out/*' -> 'none.zip': 'a.csv': two files would have this name in the archive",
        "false false false",
    ]
    assert not list(site.rglob("*.part"))


def test_directories_that_the_site_was_given(run, site, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "x").write_text("from outside")
    code = """
        Log(ReadTextFile("IN/x"), ListDir("IN")[0].Path, CopyFile("IN/x", "OUT/y"), MoveFile("OUT/y", "OUT/z"));
        Log(WriteTextFile("a", "own"), MoveFile("a", "OUT/a"), CopyFile("OUT/a", "b"), ReadTextFile("b"), DirExists("OUT"));
        Log(WriteTextFile("IN/x", "no"), DelFile("IN/x"), MoveFile("IN/x", "c"), MakeDir("IN/d"), AppendTextFile("IN/x", "n"));
    """.replace("IN", str(tmp_path / "in")).replace("OUT", str(tmp_path / "out"))
    lines = run(code, [f"{tmp_path}/in:ro", f"{tmp_path}/out"])
    assert lines[0] == f"from outside {tmp_path}/in/x true true"
    assert lines[1] == "true true true own true"
    assert lines[-1] == "false false false false false"
    assert lines[2] == f"WriteTextFile '{tmp_path}/in/x': the site may only read in {tmp_path}/in"
    assert (tmp_path / "in" / "x").read_text() == "from outside"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "z"]
    assert stat.S_IMODE((tmp_path / "out" / "z").stat().st_mode) == 0o666 & ~umask()


def umask():
    mask = os.umask(0o22)
    os.umask(mask)
    return mask


def test_a_directory_that_cannot_be_used_says_why(run, site, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    paths = [f"{tmp_path}/none", f"{tmp_path}/link"]
    lines = run(
        f'Log(ReadTextFile("{tmp_path}/none/x") === "", FileExists("{tmp_path}/link/x"), WriteTextFile("own", "x"))',
        paths,
    )
    assert lines == [
        f"ReadTextFile '{tmp_path}/none/x': the site's directory {tmp_path}/none cannot be used: it does not exist",
        (
            f"FileExists '{tmp_path}/link/x': the site's directory {tmp_path}/link cannot be used: "
            "a part of its path is a symbolic link, and these are not followed"
        ),
        "true false true",
    ]


def test_a_refused_directory_says_why(make_pair, site):
    result = make_pair(site).run('Log(FileExists("/srv/x/y"))', paths=[["/srv/x", "it is not allowed"]])
    assert result.texts == [
        "FileExists '/srv/x/y': the site's directory /srv/x cannot be used: it is not allowed",
        "false",
    ]


def test_what_is_too_large_is_said(run, site):
    (site / "big").write_bytes(b"x" * 2000)
    lines = run(
        """
        Log(ReadTextFile("big") === "", ReadBinaryFile("big"), ReadBinaryFile("big", 1990).length, ReadBinaryFile("big", 0, 1000).length);
        Log(WriteTextFile("new", "y".repeat(1025)), AppendTextFile("big", "y".repeat(1025)), HashFile("big").length, CopyFile("big", "b2"));
        """,
        limits={"body": 1024},
    )
    assert lines == [
        "ReadTextFile 'big': it has more than the 1024 bytes that can be read at once",
        "ReadBinaryFile 'big': it has more than the 1024 bytes that can be read at once",
        "true null 10 1000",
        "WriteTextFile 'new': it would be more than the 1024 bytes that can be written at once",
        "AppendTextFile 'big': it would be more than the 1024 bytes that can be written at once",
        "false false 64 true",
    ]


def test_the_largest_text_that_is_allowed_gets_through(run, site):
    (site / "big").write_bytes(b"x" * (64 << 20))
    assert run('Log(ReadTextFile("big").length)', limits={"memory": 400 << 20}) == [str(64 << 20)]


def test_wrong_arguments_are_a_line_and_a_no(run):
    assert run("""
        Log(ReadTextFile(), ReadTextFile({}), WriteTextFile("a"), ListDir("a", "x"), ReadBinaryFile("a", 0.5), ZipFiles([{}], "z"));
    """)[:-1] == [
        "ReadTextFile: path must be of type string",
        "ReadTextFile: path must be of type string",
        "WriteTextFile: text must be of type string",
        "ListDir: types must be of type number",
        "ReadBinaryFile: offset must be of type number",
        "ZipFiles: masks must be of type string | string[]",
    ]


def test_what_is_written_never_stands_in_the_log(run):
    lines = run(
        'WriteTextFile("../x", "needle-1"); Hash("needle-2", "no"); Hmac("needle-3", "needle-4", "no"); WriteTextFile("no/x", "needle-5")'
    )
    assert len(lines) == 4
    assert "needle" not in "".join(lines)


@pytest.mark.parametrize(
    "path",
    ["", ".", "/", "..", "../x", "a/../../x", "/etc/passwd", "/proc/self/root/etc/passwd", "/proc/self/fd/0", "a\\0b", "//etc/passwd",
     "TMP/site2/x", "TMP/si", "TMP", "x".ljust(5000, "x"), "a/" * 200, "\\ud800"],
)  # fmt: skip
def test_no_path_leads_out(run, site, tmp_path, path):
    (tmp_path / "site2").mkdir()
    (tmp_path / "site2" / "x").write_text("other")
    path = path.replace("TMP", str(tmp_path))
    lines = run(f"""
        const p = "{path}";
        Log(ReadTextFile(p) === "", ReadBinaryFile(p), WriteTextFile(p, "x"), AppendTextFile(p, "x"), FileExists(p), FileSize(p));
        Log(CopyFile(p, "c"), MoveFile(p, "m"), DelFile(p), HashFile(p) === "", UnzipFiles(p, "u"), DelTree(p), DelDir(p));
    """)
    assert [line for line in lines if re.match("true|false", line)] == [
        "true null false false false -1",
        "false false false true false false false",
    ]
    assert list(site.iterdir()) == []
    assert (tmp_path / "site2" / "x").read_text() == "other"
