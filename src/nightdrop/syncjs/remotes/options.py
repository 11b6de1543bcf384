"""The options of a client as the engine reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nightdrop.syncjs.remotes.fields import OPTIONS, Value
from nightdrop.syncjs.remotes.policies import Policy


@dataclass(frozen=True, slots=True)
class Direction:
    """The options of one direction."""

    policy: Policy = Policy.NEVER_OVERWRITE
    adjust_time: bool = True
    temp_name: bool = False
    delete_source: bool = False
    versioned: bool = False
    versions: int = 3


@dataclass(frozen=True, slots=True)
class Options:
    """All options; timeouts in seconds."""

    up: Direction = Direction()
    down: Direction = Direction()
    stop_on_error: bool = False
    grant_to: str = ""
    suffix: str = ""

    @classmethod
    def read(cls, values: Mapping[str, Value]) -> "Options":
        """Read the values of all fields in ``OPTIONS``; those that are missing have their defaults.

        Raises:
            ValueError: a policy is none of the four.
        """
        given: dict[str, Any] = {field.name: values.get(field.name, field.default) for field in OPTIONS}
        return cls(
            _direction(given, "Upload", "Remote"),
            _direction(given, "Download", "Local"),
            given["StopOnTransferError"],
            given["OnDownloadGrantTo"],
            given["OTFESuffix"] if given["OTFE"] else "",
        )


def _direction(given: Mapping[str, Any], way: str, side: str) -> Direction:
    return Direction(
        Policy(int(given[f"{way}Policy"])),
        given[f"AdjustTimeOn{way}"],
        given[f"{way}WithTempName"],
        given[f"DeleteSourceAfter{way}"],
        given[f"Versioned{way}"],
        int(given[f"VersionsToKeep{side}"]),
    )
