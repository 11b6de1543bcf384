"""The remote clients of the script API: what they are called, what they can do. Their fields stand in ``remotes``."""

from nightdrop.syncjs.model import Method, MethodKind, ObjectType, Origin, Param, Property
from nightdrop.syncjs.remotes.fields import CLIENTS, OPTIONS, Client, Field

_DOC, _READING, _OURS = Origin.SYNCJS, Origin.READING, Origin.OURS

_KINDS = ("sftp", "ftps", "s3", "azure", "gcs")

_ITEMS, _ITEM = "DirListItem[]", "DirListItem | null"
_DIR, _LEVELS = Param("dir"), Param("levels", "number", optional=True)
_TYPES, _MASK = Param("types", "number", optional=True), Param("mask", optional=True)
_UP = (Param("localMask"), Param("remoteDir"))
_DOWN = (Param("remoteMask"), Param("localDir"))


_OPS = {"Configure": "remote.configure", "Connect": "remote.connect"}


def _method(
    name: str, returns: str, doc: str, *params: Param, origin: Origin = _DOC, notes: tuple[str, ...] = ()
) -> Method:
    op = _OPS.get(name, "remote.call")
    return Method(name, params, returns, doc, origin, notes, op, MethodKind.REMOTE)


METHODS = (
    _method(
        "Configure",
        "this",
        "Sets fields and options from an address and a JSON object; returns the client itself.",
        Param("url"),
        Param("payloadJson", optional=True),
        notes=(
            "`sftp://user@host:port?hostKeySHA256=...`; `ftpes://` (explicit TLS), `ftps://` (implicit) and `ftp://`.",
            "Fields may stand in the address's query or in the object, options also in `options` there.",
            "What the object says wins.",
            "An address or object that cannot be used changes nothing, and the log says why.",
        ),
    ),
    _method("Connect", "boolean", "Connects and signs in; call it first."),
    _method("Close", "boolean", "Closes the connection.", notes=("A run that ends closes what it left open.",)),
    _method("ListDir", _ITEMS, "Lists a directory.", _DIR, _TYPES, notes=("`types` is `LIST_ALL` unless given.",)),
    _method("ListDirR", _ITEMS, "Lists a directory and everything below it.", _DIR, _TYPES),
    _method("ListFiles", _ITEMS, "Lists the files of a directory that match a mask.", _DIR, _MASK),
    _method("ListFilesR", _ITEMS, "Lists the matching files of a directory and of everything below it.", _DIR, _MASK),
    _method("MakeDir", "boolean", "Makes a directory, and those above it that are missing.", _DIR),
    _method(
        "RenDir",
        "boolean",
        "Renames or moves a directory.",
        Param("what"),
        Param("toWhere"),
        notes=("Object stores cannot: there it is copied and then deleted.",),
    ),
    _method("DelDir", "boolean", "Deletes an empty directory.", _DIR),
    _method("DelTree", "boolean", "Deletes a directory with everything in it.", _DIR, origin=_READING),
    _method("RenFile", "boolean", "Renames or moves a file.", Param("what"), Param("toWhere"), origin=_OURS),
    _method("DelFile", "boolean", "Deletes a file.", Param("path"), origin=_OURS),
    _method("Stat", _ITEM, "Describes a file or directory; `null` when there is none.", Param("path"), origin=_OURS),
    _method("Exists", "boolean", "Tells whether there is a file or directory.", Param("path"), origin=_OURS),
    _method(
        "Upload",
        "boolean",
        "Uploads the local files that match a mask.",
        *_UP,
        origin=_READING,
        notes=("True when every file is there, or was skipped by `UploadPolicy`.",),
    ),
    _method("UploadR", "boolean", "The same with everything below, in the same directories.", *_UP, origin=_OURS),
    _method(
        "UploadWithPath",
        "boolean",
        "Uploads one file into the same directories as it lies in.",
        Param("localFile"),
        Param("remoteDir"),
        _LEVELS,
        origin=_OURS,
        notes=("`levels` says how many of them, from the nearest on; all unless given.",),
    ),
    _method("Download", "boolean", "Downloads the remote files that match a mask.", *_DOWN, origin=_READING),
    _method("DownloadR", "boolean", "The same with everything below, in the same directories.", *_DOWN, origin=_OURS),
    _method(
        "DownloadWithPath",
        "boolean",
        "Downloads one file into the same directories as it lies in.",
        Param("remoteFile"),
        Param("localDir"),
        _LEVELS,
        origin=_OURS,
    ),
)

_NOTES = (
    "No call throws: a failure is `false`, `null` or an empty list, and the log says why.",
    "Local paths that are relative start in the site's directory.",
    "Setting a field or an option that does not exist is ignored, with a warning.",
)

_SESSIONS = ("sftp", "ftps")
_OBJECT_NOTES = (
    "A slash in a key makes a directory. It vanishes with its last file unless `MakeDir` wrote an object `dir/`.",
    "A file is there when all of it has arrived, never before. Its time is kept in the metadata, as `mtime`.",
    "Renaming copies inside the store, then deletes.",
)


def _property(field: Field) -> Property:
    return Property(field.name, field.type, field.default, field.doc, field.origin)


def _client(client: Client) -> ObjectType:
    return ObjectType(
        client.name,
        client.doc,
        _DOC,
        constructible=True,
        methods=METHODS,
        notes=_NOTES if client.kind in _SESSIONS else (*_NOTES, *_OBJECT_NOTES),
        fields=tuple(map(_property, client.fields)),
        options="RemoteOptions",
    )


REMOTES = tuple(_client(CLIENTS[kind]) for kind in _KINDS)

REMOTE_OPTIONS = ObjectType(
    "RemoteOptions",
    "The options of a remote client, in its field `Options`.",
    _DOC,
    constructible=False,
    methods=(),
    fields=tuple(map(_property, OPTIONS)),
)

DIR_LIST_ITEM = ObjectType(
    "DirListItem",
    "A file or directory in a list.",
    _READING,
    constructible=False,
    methods=(),
    fields=(
        Property("Name", "string", None, "Its name.", _READING),
        Property("Path", "string", None, "Its path.", _READING),
        Property("Type", '"FILE" | "DIR"', None, "What it is.", _READING),
        Property("Size", "number", None, "Its size in bytes.", _READING),
        Property("TimeStamp", "Date | null", None, "When it was changed, if that is known.", _READING),
        Property("Permissions", "string", None, 'Its permissions, such as `rw-r--r--`; `""` if unknown.', _READING),
    ),
)
