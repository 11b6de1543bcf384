"""Watching directories, and being told to end, in the script API."""

from nightdrop.syncjs.model import Function, Method, ObjectType, Origin, Param, Property, Variable

_DOC, _READING, _OURS = Origin.SYNCJS, Origin.READING, Origin.OURS
_MANY = "string | string[]"

WAIT_FOR_HALT = Function(
    "WaitForHaltSignal",
    (Param("ms", "number", optional=True),),
    "boolean",
    "Waits until the run is to end; meanwhile the functions of its watchers are called.",
    _DOC,
    (
        "That is when somebody cancels the run, its time limit is reached or the server stops.",
        "The script then has ten seconds to end. A run that has never asked for the signal ends at once.",
        "With `ms`, an addition of nightdrop, it waits no longer than that. True when the signal has come.",
    ),
    "wait",
)

HALT_RECEIVED = Variable(
    "HaltSignalReceived",
    "boolean",
    "True once the run is to end: see `WaitForHaltSignal`.",
    _DOC,
    ("For scripts that ask in a loop; between two questions they should `Sleep`.",),
    "halted",
)

WATCH_EVENT = ObjectType(
    "WatchEvent",
    "A change that an `FsWatcher` has seen.",
    _DOC,
    constructible=False,
    methods=(),
    fields=(
        Property("TimeStamp", "Date", None, "When it was seen.", _DOC),
        Property(
            "Event", "string", None, "`EVT_CREATE`, `EVT_WRITE`, `EVT_REMOVE`, `EVT_RENAME` or `EVT_CHMOD`.", _DOC
        ),
        Property(
            "Object",
            "string",
            None,
            "The path, as file functions take it: of a renamed file the old one; the new one is created.",
            _DOC,
        ),
    ),
)

FS_WATCHER = ObjectType(
    "FsWatcher",
    "Tells what changes in directories of the site while the script runs.",
    _DOC,
    constructible=True,
    fields=(
        Property(
            "InclusionFilter", _MANY, "", "Masks of the names to watch, such as `*.csv`; all without one.", _READING
        ),
        Property("ExclusionFilter", _MANY, "", "Masks of the names to leave out.", _READING),
        Property(
            "DelayBySeconds",
            "number",
            0,
            "The events of a file are told once it has had no other for so long, so that half a file is not taken.",
            _READING,
        ),
    ),
    methods=(
        Method(
            "WatchDir",
            (Param("dir"), Param("recursive", "boolean", optional=True)),
            "FsWatcher",
            "Adds a directory, with `recursive` those below it too; before `Start`.",
            _READING,
        ),
        Method(
            "Start",
            (Param("callback", "(event: WatchEvent) => void", optional=True),),
            "boolean",
            "Begins to watch; what is there already is no event. False when a directory cannot be watched.",
            _DOC,
            (
                "With `callback`, as in newer scripts, each event is given to it.",
                "It is called while the script waits in `WaitForHaltSignal` or `Sleep`, and never while it is at work.",
                "Without it, as in older scripts: the events are kept for `Events`.",
                "An error that it throws comes out of the call that waits.",
            ),
            "watch.start",
        ),
        Method(
            "Events",
            (),
            "WatchEvent[]",
            "Returns the events since the last call, for a watcher that was started without a function.",
            _DOC,
            (),
            "watch.events",
        ),
        Method(
            "Stop",
            (),
            "boolean",
            "Ends watching: its function is not called any more. False when it was not at work.",
            _DOC,
            (),
            "watch.stop",
        ),
    ),
    notes=(
        "A new file that is not empty is created and written.",
        "Directories are looked at five times a second at most, also on network shares.",
        "Of what happens to a file between two looks only the result is seen.",
        "Hidden files, and those that are being transferred, are left out.",
        "A script may watch 100 directories; each may hold 100,000 files and directories.",
        "A run ends at its time limit. To start a script for each file, give it a watched folder as a trigger.",
    ),
)
