"""What the pages share: a table, and the line that says where a page comes from."""

from collections.abc import Iterable, Iterator, Sequence


def head(title: str, source: str) -> list[str]:
    """Return the first lines of a page that is generated from ``source``."""
    return [
        f"# {title}",
        "",
        f"This page is generated from {source}; change that, then run `.venv/bin/python script/reference`.",
        "",
    ]


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table and an empty one."""
    yield f"| {' | '.join(headings)} |"
    yield "|" + "---|" * len(headings)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def code(text: object) -> str:
    return f"`{text}`"


def page(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
