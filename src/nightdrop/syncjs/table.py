"""The script API, declared once.

The prelude, the type declarations for editors and the reference page are generated from this table; a
test fails when a generated file is stale.
"""

from nightdrop.syncjs.constants import CONSTANTS
from nightdrop.syncjs.filetable import FILE_FUNCTIONS, VALUE_FUNCTIONS
from nightdrop.syncjs.httptable import HTTP_CLI, HTTP_RES
from nightdrop.syncjs.mailtable import MAIL_MESSAGE, SEND_MAIL
from nightdrop.syncjs.model import Function, Origin, Param, Table, Variable
from nightdrop.syncjs.remotetable import DIR_LIST_ITEM, REMOTE_OPTIONS, REMOTES
from nightdrop.syncjs.watchtable import FS_WATCHER, HALT_RECEIVED, WAIT_FOR_HALT, WATCH_EVENT

_DOC, _READING, _OURS = Origin.SYNCJS, Origin.READING, Origin.OURS
_VALUES = (Param("values", "unknown[]", rest=True),)

FUNCTIONS = (
    Function(
        "GetSecret",
        (Param("name"), Param("fallback", optional=True)),
        "string",
        "Returns the value of a secret of this site.",
        _DOC,
        (
            "The name is case-sensitive.",
            'Returns `fallback`, `""` unless given, when the secret is not there, has expired or cannot be read.',
            "It never throws; the reason is a line in the run's log.",
            "`fallback` is an addition of nightdrop.",
            "From then on the value, and its usual encodings, appear as `***` in the log of the run.",
        ),
        "secret.get",
    ),
    Function(
        "HasSecret",
        (Param("name"),),
        "boolean",
        "Tells whether this site has a secret of that name, without reading it.",
        _OURS,
        ("Also true for one that has expired, or that this script may not read.",),
        "secret.has",
    ),
    Function(
        "RequireSecret",
        (Param("name"),),
        "string",
        "Returns the value of a secret, or throws an `Error` that names the secret.",
        _OURS,
        (),
        "secret.get",
    ),
    Function(
        "Log",
        _VALUES,
        "void",
        "Writes a line to the run's log.",
        _READING,
        (
            "Several values are joined with a space. Objects are written as JSON.",
            "A text with line breaks becomes several lines; control characters are written as escapes.",
        ),
        "log",
    ),
    Function("LogWarn", _VALUES, "void", "Writes a warning to the run's log.", _OURS, (), "log"),
    Function("LogError", _VALUES, "void", "Writes an error to the run's log; the run goes on.", _OURS, (), "log"),
    Function(
        "Exit",
        (),
        "never",
        "Ends the script at once; the run has succeeded.",
        _READING,
        ("Nothing runs after it, not even a `finally` block. To end a run as failed, throw an error.",),
        "exit",
    ),
    Function(
        "Sleep",
        (Param("ms", "number"),),
        "void",
        "Waits for a number of milliseconds.",
        _READING,
        ("The time counts towards the run's time limit.",),
        "sleep",
    ),
    WAIT_FOR_HALT,
    SEND_MAIL,
    Function(
        "Respond",
        (Param("status", "number"), Param("body", "unknown", optional=True)),
        "boolean",
        "Answers the request of a webhook that waits for it; true when the answer was taken.",
        _OURS,
        (
            "A text is sent as plain text, anything else as JSON; at most 128 KiB. The script goes on.",
            "The first answer counts. Where nobody waits it is false, with a line in the log.",
            "Values of secrets become `***` in it, as in the log.",
        ),
        "respond",
    ),
    Function(
        "CtxRelPath",
        (),
        "string",
        "Returns the path of the file for which a watched folder started this run.",
        _READING,
        ('It is the path that file functions take, the same as `Params.File.Path`; `""` in other runs.',),
    ),
    Function(
        "structuredClone",
        (Param("value", "T"),),
        "T",
        "Returns a deep copy, as in browsers.",
        _OURS,
        ("Maps, sets, dates, byte arrays and cycles are copied; a function cannot be.",),
    ),
)

VARIABLES = (
    Variable(
        "Params",
        "Readonly<Record<string, any>>",
        "The parameters of this run; the object is frozen.",
        _OURS,
        ("`nightdrop script run NAME --param city=Oslo` makes `Params.city` the text `Oslo`.",),
    ),
    HALT_RECEIVED,
    Variable(
        "console",
        "{ log(...values: unknown[]): void; info(...values: unknown[]): void; debug(...values: unknown[]): void; "
        "warn(...values: unknown[]): void; error(...values: unknown[]): void }",
        "The usual logging methods: `warn` is `LogWarn`, `error` is `LogError`, the others are `Log`.",
        _OURS,
    ),
    Variable("TextEncoder", "{ new (): { encode(text?: string): Uint8Array } }", "Text to UTF-8 bytes.", _OURS),
    Variable(
        "TextDecoder",
        '{ new (label?: "utf-8", options?: { fatal?: boolean; ignoreBOM?: boolean }): '
        "{ decode(bytes?: Uint8Array | ArrayBuffer): string } }",
        "UTF-8 bytes to text.",
        _OURS,
    ),
)

TABLE = Table(
    (*FUNCTIONS, *FILE_FUNCTIONS, *VALUE_FUNCTIONS),
    VARIABLES,
    (HTTP_CLI, HTTP_RES, *REMOTES, REMOTE_OPTIONS, DIR_LIST_ITEM, MAIL_MESSAGE, FS_WATCHER, WATCH_EVENT),
    CONSTANTS,
)
