"""Which secrets a script uses, read from its code.

Only what stands there literally can be known. A script that computes a name may use any secret, and the
answer says so instead of promising "not used anywhere".
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from nightdrop.core.header_template import TemplateError, secret_names
from nightdrop.core.script_text import required_secrets
from nightdrop.scripts.tokens import END, Kind, Token, tokens

_READERS = frozenset({"GetSecret", "HasSecret", "RequireSecret"})
_HEADER = "HeaderFromSecret"
_FIELD_SUFFIX = "FromSecret"
_OTHER_FIELDS = frozenset({"KeyFileSecret"})
_RUNS_TEXT = frozenset({"eval", "Function"})
_WORTH_A_LOOK = ("Secret", "eval", "Function", "globalThis", "\\u")
_ASSIGNMENTS = ("=", "??=", "||=", "&&=")
_ENDS_EXPRESSION = (";", ",", ")", "}", "]", "")
_LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class SecretUsage:
    """The secret names in a script's code; ``computed`` means that it may use others too."""

    names: frozenset[str] = frozenset()
    computed: bool = False


def secret_usage(code: str) -> SecretUsage:
    """Find the secrets that ``code`` names in its calls, its ``...FromSecret`` fields and in ``// requires:``."""
    finder = _Finder([])
    for name in required_secrets(code):
        finder.note(name)
    if any(word in code for word in _WORTH_A_LOOK):
        finder.tokens = list(tokens(code))
        finder.run()
    return SecretUsage(frozenset(finder.names), finder.computed)


@dataclass(slots=True)
class _Finder:
    tokens: list[Token]
    names: set[str] = field(default_factory=set)
    computed: bool = False

    def run(self) -> None:
        for index, token in enumerate(self.tokens):
            if token.kind is Kind.NAME:
                self._name(index, token.text)
            elif token.kind is Kind.STRING:
                self._key(index, token.text)
            elif token.kind in (Kind.REGEX, Kind.BROKEN) and "Secret" in token.text:
                # A slash read the wrong way must not hide a use.
                self.computed = True

    def _at(self, index: int) -> Token:
        return self.tokens[index] if 0 <= index < len(self.tokens) else END

    def _name(self, index: int, name: str) -> None:
        if name in _READERS:
            self._reader(index)
        elif name == _HEADER:
            self._header(index + 1)
        elif _is_field(name):
            self._field(index + 1, key=self._at(index - 1).is_mark("{", ","))
        elif name in _RUNS_TEXT and not self._at(index - 1).is_mark("."):
            self.computed = True
        elif name == "globalThis" and self._at(index + 1).is_mark("["):
            self.computed |= self._at(index + 2).kind is not Kind.STRING or not self._at(index + 3).is_mark("]")

    def _key(self, index: int, text: str) -> None:
        """Look at a string that may be the name of a member: ``x["..."]`` or ``{"...": }``."""
        before, after = self._at(index - 1), self._at(index + 1)
        if before.is_mark("[") and after.is_mark("]"):
            if text in _READERS:
                self.computed = True
            elif _is_field(text):
                self._field(index + 2, key=self._at(index - 2).is_mark("{", ","))
        elif _is_field(text) and before.is_mark("{", ","):
            self._field(index + 1, key=True)

    def _reader(self, index: int) -> None:
        before, after = self._at(index - 1), self._at(index + 1)
        if before.kind is Kind.NAME and before.text in ("typeof", "function"):
            return
        if after.is_mark(":") and before.is_mark("{", ","):
            return
        called = index + 2 if after.is_mark("?.") else index + 1
        if self._at(called).is_mark("("):
            self._literal(called + 1, ends=(",", ")"))
        else:
            self.computed = True

    def _header(self, index: int) -> None:
        """Take the names in the second argument, a template; the first is the name of the header."""
        if not self._at(index).is_mark("("):
            self.computed = True
        elif self._at(index + 1).kind is Kind.STRING and self._at(index + 2).is_mark(","):
            self._literal(index + 3, ends=(",", ")"), note=self._note_template)
        else:
            self.computed = True

    def _field(self, index: int, *, key: bool) -> None:
        if self._at(index).is_mark(*_ASSIGNMENTS) or (key and self._at(index).is_mark(":")):
            self._literal(index + 1, ends=_ENDS_EXPRESSION)
        elif self._at(index).is_mark("+="):
            self.computed = True

    def _literal(self, index: int, *, ends: tuple[str, ...], note: Callable[[str], None] | None = None) -> None:
        """Note the string at ``index``, also one put together of literals with ``+``."""
        parts = [self._at(index).text]
        complete = self._at(index).kind is Kind.STRING
        while complete and self._at(index + 1).is_mark("+"):
            index += 2
            complete = self._at(index).kind is Kind.STRING
            parts.append(self._at(index).text)
        after = self._at(index + 1)
        new_statement = after.kind in (Kind.NAME, Kind.NUMBER) and "" in ends
        if complete and (after.is_mark(*ends) or new_statement):
            (note or self.note)("".join(parts))
        else:
            self.computed = True

    def _note_template(self, template: str) -> None:
        # What is no template is refused before anybody is asked for a secret.
        with contextlib.suppress(TemplateError):
            for name in secret_names(template):
                self.note(name)

    def note(self, name: str) -> None:
        # Any other name is refused by the store of secrets, so nothing can be behind it.
        if 0 < len(name) <= _LONGEST_NAME and name.isascii() and name.isprintable() and name == name.strip():
            self.names.add(name)


def _is_field(name: str) -> bool:
    return (name.endswith(_FIELD_SUFFIX) and name != _HEADER) or name in _OTHER_FIELDS
