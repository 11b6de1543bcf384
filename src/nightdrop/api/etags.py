"""ETag and If-Match (RFC 9110 sections 8.8.3 and 13.1.1): a change is not lost to one that came in between."""

import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header

from nightdrop.core.errors import ConflictError


class ChangedMeanwhileError(ConflictError):
    """Somebody changed this since you loaded it."""

    code = "changed_meanwhile"


IfMatch = Annotated[
    str | None,
    Header(max_length=1000, description="The ETag that was loaded: the change is refused when it is another by now."),
]


def etag(*parts: Any) -> str:
    """Return the tag of a state: the same parts, the same tag."""
    data = json.dumps(parts, sort_keys=True).encode()
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


def precondition(if_match: str | None, tag_of: Callable[[Any], str]) -> Callable[[Any], None] | None:
    """Return what a store calls with the present state, inside its transaction; ``None`` when any is right."""
    if if_match is None or if_match.strip() == "*":
        return None
    wanted = {tag.strip() for tag in if_match.split(",")}

    def check(state: Any) -> None:
        if tag_of(state) not in wanted:
            raise ChangedMeanwhileError

    return check
