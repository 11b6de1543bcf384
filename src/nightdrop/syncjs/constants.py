"""The global constants of the script API."""

from nightdrop.syncjs.model import Constant, ConstantGroup, Origin

_DOC, _READING = Origin.SYNCJS, Origin.READING


def _group(
    title: str, origin: Origin, *entries: tuple[str, str | int, str], notes: tuple[str, ...] = ()
) -> ConstantGroup:
    return ConstantGroup(title, tuple(Constant(name, value, doc, origin) for name, value, doc in entries), notes)


CONSTANTS = (
    _group(
        "Types of virtual file system",
        _DOC,
        ("VfsTypeDisk", "Disk", "A local directory."),
        ("VfsTypeS3", "S3", "Amazon S3 or a compatible object store."),
        ("VfsTypeAzure", "Azure", "Azure Blob Storage."),
        ("VfsTypeGCS", "GCP", "Google Cloud Storage."),
        ("VfsTypeSFTP", "SFTP", "An SFTP server."),
        ("VfsTypeR2FS", "R2FS", "A remote-to-file-system gateway."),
    ),
    _group(
        "Sort fields",
        _DOC,
        ("SortByName", "name", "By name."),
        ("SortByNameDirsFirst", "namedf", "By name, directories first."),
        ("SortBySize", "size", "By size."),
        ("SortByTime", "time", "By time of the last change."),
    ),
    _group("Sort directions", _DOC, ("SortAsc", "asc", "Ascending."), ("SortDesc", "desc", "Descending.")),
    _group(
        "Seek origins",
        _DOC,
        ("FromStart", 0, "From the first byte."),
        ("FromCurrent", 1, "From the current position."),
        ("FromEnd", 2, "From the end."),
    ),
    _group(
        "Transfer policies",
        _DOC,
        ("NeverOverwrite", 0, "Skip a file whose target exists (the default)."),
        ("AlwaysOverwrite", 1, "Always transfer."),
        ("OverwriteIfDiffSize", 2, "Transfer when the sizes differ."),
        ("OverwriteIfNewer", 3, "Transfer when the source is newer."),
    ),
    _group(
        "List filters",
        _DOC,
        ("LIST_ALL", 0, "Files and directories."),
        ("LIST_FILES", 1, "Files only."),
        ("LIST_DIRS", 2, "Directories only."),
    ),
    _group(
        "TLS modes of FTP",
        _READING,
        ("TLS_MODE_NONE", 0, "Plain FTP."),
        ("TLS_MODE_EXPLICIT", 1, "TLS is switched on with AUTH TLS."),
        ("TLS_MODE_IMPLICIT", 2, "TLS from the first byte."),
        notes=("The names are SyncJS; their values are not published, these are ours. Compare with the names only.",),
    ),
    _group(
        "Watcher events",
        _READING,
        ("EVT_WRITE", "WRITE", "A file was written."),
        ("EVT_CREATE", "CREATE", "A file or directory was created."),
        ("EVT_REMOVE", "REMOVE", "A file or directory was removed."),
        ("EVT_RENAME", "RENAME", "A file or directory was renamed."),
        ("EVT_CHMOD", "CHMOD", "Permissions were changed."),
        notes=("The names are SyncJS; their values are not published. Ours are the strings that older scripts used.",),
    ),
)
