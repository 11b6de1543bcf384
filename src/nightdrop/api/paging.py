"""Pages: a list and the cursor of the next one."""

from typing import Annotated, Generic, TypeVar

from pydantic import Field

from nightdrop.api.schema import In, Out

Item = TypeVar("Item")

Limit = Annotated[int, Field(ge=1, le=500, description="Items in one page.")]
Cursor = Annotated[str | None, Field(max_length=2000, description="`next` of the page before.")]


class PageQuery(In):
    """Which page."""

    limit: Limit = 100
    cursor: Cursor = None


class Page(Out, Generic[Item]):
    """A page; `next` is the cursor of the one after it, null at the end."""

    items: list[Item]
    next: str | None = None
