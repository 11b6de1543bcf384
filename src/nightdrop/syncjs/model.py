"""The shapes that the script API's one table is written in."""

from dataclasses import dataclass, field
from enum import StrEnum

Literal = str | int


class Origin(StrEnum):
    """Where an entry of the script API comes from."""

    SYNCJS = "SyncJS"
    READING = "SyncJS, our reading"
    OURS = "nightdrop"


class MethodKind(StrEnum):
    """How the prelude builds a method."""

    CONFIGURE = "configure"
    SEND = "send"
    WRITTEN = "written"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter; ``type`` is TypeScript and selects the check that the prelude makes.

    ``default`` is what the host gets for an optional one that is not given.
    """

    name: str
    type: str = "string"
    optional: bool = False
    rest: bool = False
    default: Literal | None = None

    def typescript(self) -> str:
        mark = "?" if self.optional else ""
        return f"{'...' if self.rest else ''}{self.name}{mark}: {self.type}"


@dataclass(frozen=True, slots=True)
class Function:
    """A global function; ``op`` is the host operation it ends in, if any.

    One with ``fails``, a JavaScript literal, is built by the prelude: it checks the arguments, asks the host, and
    returns that literal when the host says no.
    """

    name: str
    params: tuple[Param, ...]
    returns: str
    doc: str
    origin: Origin
    notes: tuple[str, ...] = ()
    op: str | None = None
    fails: str | None = field(default=None, kw_only=True)

    def signature(self) -> str:
        return f"{self.name}({', '.join(p.typescript() for p in self.params)}): {self.returns}"


@dataclass(frozen=True, slots=True)
class Method(Function):
    """A method of an object."""

    kind: MethodKind = MethodKind.WRITTEN
    verb: str | None = None


@dataclass(frozen=True, slots=True)
class Property:
    """A field of an object; ``default`` is what a fresh one has, ``None`` for what only the host fills in."""

    name: str
    type: str
    default: str | int | float | bool | None
    doc: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class ObjectType:
    """An object type; ``constructible`` ones are global classes without constructor arguments.

    ``options`` names the type of the object in a client's field ``Options``.
    """

    name: str
    doc: str
    origin: Origin
    constructible: bool
    methods: tuple[Method, ...]
    notes: tuple[str, ...] = ()
    fields: tuple[Property, ...] = ()
    options: str | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """A global constant."""

    name: str
    value: Literal
    doc: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class ConstantGroup:
    """Constants that belong together."""

    title: str
    constants: tuple[Constant, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variable:
    """A global value that is not a function; ``op`` is the host operation that it is asked by, if any."""

    name: str
    type: str
    doc: str
    origin: Origin
    notes: tuple[str, ...] = ()
    op: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The whole script API."""

    functions: tuple[Function, ...]
    variables: tuple[Variable, ...]
    objects: tuple[ObjectType, ...]
    constants: tuple[ConstantGroup, ...]
