"""The file functions of the script API, and what goes with them."""

from nightdrop.syncjs.model import Function, Origin, Param

_OURS = Origin.OURS
_ALGORITHM = Param("algorithm", optional=True, default="sha256")
_FORM = Param("form", '"hex" | "base64"', optional=True, default="hex")
_DATA = "string | Uint8Array"
_NO, _NOTHING, _EMPTY = "false", "null", '""'


def _call(name: str, params: tuple[Param, ...], returns: str, fails: str, doc: str, *notes: str) -> Function:
    return Function(name, params, returns, doc, _OURS, notes, f"file.{name}", fails=fails)


def _does(name: str, params: tuple[Param, ...], doc: str, *notes: str) -> Function:
    return _call(name, params, "boolean", _NO, doc, *notes)


_PATH = (Param("path"),)
_SOURCE_TARGET = (Param("source"), Param("target"))

FILE_FUNCTIONS = (
    _call(
        "ReadTextFile",
        _PATH,
        "string",
        _EMPTY,
        'Returns the text of a UTF-8 file, `""` when it cannot be read.',
        "A byte order mark at its start is left out. What is not UTF-8 becomes `\\ufffd`, with a warning in the log.",
    ),
    _call(
        "ReadBinaryFile",
        (*_PATH, Param("offset", "number", optional=True, default=0), Param("length", "number", True, default=-1)),
        "Uint8Array | null",
        _NOTHING,
        "Returns bytes of a file, `null` when it cannot be read.",
        "`offset` counts from the start; without `length` it reads to the end. At the end there may be fewer bytes.",
    ),
    _does("WriteTextFile", (*_PATH, Param("text")), "Writes a text to a file as UTF-8, whole or not at all."),
    _does("WriteBinaryFile", (*_PATH, Param("bytes", "Uint8Array")), "Writes bytes to a file, whole or not at all."),
    _does("AppendTextFile", (*_PATH, Param("text")), "Writes a text at the end of a file, which is made if need be."),
    _does(
        "AppendBinaryFile",
        (*_PATH, Param("bytes", "Uint8Array")),
        "Writes bytes at the end of a file, which is made if need be.",
    ),
    _does("DelFile", _PATH, "Deletes a file; there must be one."),
    _does("CopyFile", _SOURCE_TARGET, "Copies a file; a file at the target is replaced."),
    _does("MoveFile", _SOURCE_TARGET, "Moves or renames a file; a file at the target is replaced."),
    _does("FileExists", _PATH, "Tells whether there is a file."),
    _does("DirExists", _PATH, "Tells whether there is a directory."),
    _call("FileSize", _PATH, "number", "-1", "Returns the size of a file in bytes, -1 when there is none."),
    _does("MakeDir", (Param("dir"),), "Makes a directory and those above it; one that is there is fine."),
    _does("DelDir", (Param("dir"),), "Deletes an empty directory."),
    _does(
        "DelTree",
        (Param("dir"),),
        "Deletes a directory with everything in it.",
        "Symbolic links in it are deleted; what they lead to stays.",
    ),
    _call(
        "ListDir",
        (Param("dir"), Param("types", "number", optional=True, default=0)),
        "DirListItem[] | null",
        _NOTHING,
        "Returns what is in a directory, by name; `null` when it cannot be listed.",
        "`types` is `LIST_ALL` (the default), `LIST_FILES` or `LIST_DIRS`.",
        "`null`, not an empty list: a directory that cannot be read must not pass for an empty one.",
        "Links, pipes and devices are left out. A directory may have 100,000 entries.",
    ),
    _does(
        "ZipFiles",
        (Param("masks", "string | string[]"), Param("zipFile")),
        "Writes the files that fit the masks into a new ZIP archive, whole or not at all.",
        "The last part of a mask may have `*`, `?` and `[...]`; `**` as it, or before it, means any depth.",
        "Names in the archive begin after the part without them: `out/a/b.csv` becomes `a/b.csv`.",
        "Each mask must fit a file. An archive may have 50,000.",
    ),
    _does(
        "UnzipFiles",
        (Param("zipFile"), Param("dir")),
        "Unpacks a ZIP archive into a directory, which is made if need be; files that are there are replaced.",
        "All of it is unpacked before the first file is put in its place; a bad archive changes nothing.",
        "Refused: entries that lead out, links, encrypted entries, two of one name, more than 50,000 entries,"
        " more than 16 GiB unpacked, and more than 200 times the archive's size once that is above 100 MiB.",
    ),
    _call(
        "HashFile",
        (*_PATH, _ALGORITHM, _FORM),
        "string",
        _EMPTY,
        'Returns the digest of a file, `""` when it cannot be read.',
        "`algorithm` is `md5`, `sha1`, `sha256` (the default) or `sha512`.",
    ),
    _call(
        "Hash",
        (Param("data", _DATA), _ALGORITHM, _FORM),
        "string",
        _EMPTY,
        "Returns the digest of a text, taken as UTF-8, or of bytes.",
        "See `HashFile` for the algorithms.",
    ),
    _call(
        "Hmac",
        (Param("key", _DATA), Param("data", _DATA), _ALGORITHM, _FORM),
        "string",
        _EMPTY,
        "Returns the keyed digest (HMAC, RFC 2104) of a text, taken as UTF-8, or of bytes.",
        "See `HashFile` for the algorithms.",
    ),
)

VALUE_FUNCTIONS = (
    Function(
        "Base64Encode",
        (Param("data", _DATA), Param("urlSafe", "boolean", optional=True)),
        "string",
        "Returns a text, taken as UTF-8, or bytes in Base64 (RFC 4648).",
        _OURS,
        ("With `urlSafe` it uses `-` and `_`, without padding.",),
    ),
    Function(
        "Base64Decode",
        (Param("text"),),
        "string",
        'Returns the text, UTF-8, that is written in Base64; `""` when it is not Base64.',
        _OURS,
        ("Both alphabets are understood, with padding and without.",),
    ),
    Function(
        "Base64DecodeBytes",
        (Param("text"),),
        "Uint8Array | null",
        "Returns the bytes that are written in Base64; `null` when it is not Base64.",
        _OURS,
    ),
    Function(
        "FormatDateTime",
        (Param("format"), Param("date", "Date", optional=True), Param("utc", "boolean", optional=True)),
        "string",
        'Returns a time as text, the present one without `date`; `""` when `date` is none.',
        _OURS,
        (
            "Date: `yyyy` `yy` year, `MMMM` `MMM` `MM` `M` month, `dddd` `ddd` `dd` `d` day.",
            "Time: `HH` `H` hour, `hh` `h` hour of 12, `tt` AM or PM, `mm` `m` minute, `ss` `s` second.",
            "`fff` is the millisecond, `zzz` the offset as `+02:00`.",
            "Text between apostrophes stands for itself, as does every other character.",
            "The time is that of the server's time zone, or UTC with `utc`.",
        ),
    ),
    Function("UUID", (), "string", "Returns a random UUID (RFC 9562, version 4).", _OURS, (), "uuid"),
)
