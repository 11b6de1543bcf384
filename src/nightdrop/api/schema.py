"""The bases of what comes in and what goes out.

Nothing that goes out has a field for a secret's value.
"""

from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class In(BaseModel):
    """A request body or a set of query parameters; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)


class Out(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="forbid", from_attributes=True, frozen=True)


class UserOut(Out):
    """What uses a secret; a script is `certain` when its newest version names it."""

    kind: Literal["script", "setting", "trigger"] = "script"

    id: str
    name: str
    certain: bool
    computed: bool = Field(False, description="It puts names of secrets together, so it may use any.")
    read_ms: int | None = Field(None, description="When a run of the script was given the secret last.")


@cache
def declared_fields() -> frozenset[str]:
    """Return the names of all fields of all requests: what an error may name without repeating the caller."""
    models = [In]
    for model in models:
        models += model.__subclasses__()
    return frozenset(name for model in models for name in model.model_fields)
