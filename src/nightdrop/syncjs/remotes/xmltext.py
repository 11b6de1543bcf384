"""XML answers of object stores: elements and text, nothing else, in bounds.

A document type is refused before anything of it is read, so there are no entities to expand or to fetch.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

_MAX_DEPTH = 20
_MAX_ELEMENTS = 200_000


class XmlError(ValueError):
    """The text is not such XML."""


@dataclass(slots=True)
class Element:
    """One element; ``name`` without namespace."""

    name: str
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element"] = field(default_factory=list)

    def all(self, name: str) -> Iterator["Element"]:
        """Yield the children of a name."""
        return (child for child in self.children if child.name == name)

    def get(self, name: str) -> "Element | None":
        return next(self.all(name), None)

    def value(self, *path: str) -> str:
        """Return the text at a path of names, ``""`` when there is none."""
        here: Element | None = self
        for name in path:
            here = here.get(name) if here else None
        return here.text if here else ""


def parse(data: bytes) -> Element:
    """Return the root of a document in UTF-8.

    Raises:
        XmlError: it is not well-formed, has a document type, or is out of bounds.
    """
    reader = _Reader()
    # The encoding is given, so that none is looked up by the name that the document gives.
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, UnicodeError):
        raise XmlError from None
    return reader.root.children[0]


class _Reader:
    def __init__(self) -> None:
        self.root = Element("")
        self._open = [self.root]
        self._pieces: list[list[str]] = [[]]
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > _MAX_DEPTH or self._count > _MAX_ELEMENTS:
            raise XmlError
        element = Element(_local(name), attributes={_local(key): value for key, value in attributes.items()})
        self._open[-1].children.append(element)
        self._open.append(element)
        self._pieces.append([])

    def end(self, _: str) -> None:
        self._open.pop().text = "".join(self._pieces.pop())

    def text(self, data: str) -> None:
        self._pieces[-1].append(data)

    def refuse(self, *_: object) -> None:
        raise XmlError


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
