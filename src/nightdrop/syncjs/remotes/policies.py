"""Transfer policies: whether a file is transferred when its target exists."""

from dataclasses import dataclass
from enum import IntEnum


class Policy(IntEnum):
    """The values of the constants in the script API."""

    NEVER_OVERWRITE = 0
    ALWAYS_OVERWRITE = 1
    OVERWRITE_IF_DIFF_SIZE = 2
    OVERWRITE_IF_NEWER = 3


@dataclass(frozen=True, slots=True)
class Side:
    """What a policy looks at: size in bytes and time of the last change, each ``None`` when nobody knows."""

    size: int | None
    mtime: float | None


def why_skip(policy: int, source: Side, target: Side) -> str | None:
    """Return why a file with an existing target is not transferred, ``None`` when it is.

    Sizes are those that source and target have when the transfer is complete; with encryption the caller computes
    them. Times are compared in whole seconds, as protocols carry no more. What is not known counts as different.
    """
    match policy:
        case Policy.ALWAYS_OVERWRITE:
            return None
        case Policy.OVERWRITE_IF_DIFF_SIZE:
            known = source.size is not None and source.size == target.size
            return "the target has the same size" if known else None
        case Policy.OVERWRITE_IF_NEWER:
            if source.mtime is None or target.mtime is None or int(source.mtime) > int(target.mtime):
                return None
            return "the source is not newer"
        case _:
            return "the target exists"
