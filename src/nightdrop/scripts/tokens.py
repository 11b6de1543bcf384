"""The tokens of a JavaScript program, as far as finding names and literals in it needs them.

Lexical grammar: ECMA-262, chapter 12. What a ``/`` means depends on the syntax around it; the token before
it decides here, which is right for all code that people write.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a token is."""

    NAME = "name"
    STRING = "string"
    TEMPLATE = "template"
    REGEX = "regex"
    NUMBER = "number"
    PUNCTUATION = "punctuation"
    BROKEN = "broken"


class Token(NamedTuple):
    """One token; the text of a name or a string is what it means, with its escapes resolved."""

    kind: Kind
    text: str

    def is_mark(self, *marks: str) -> bool:
        return self.kind is Kind.PUNCTUATION and self.text in marks


END = Token(Kind.PUNCTUATION, "")

_SPACE = re.compile(r"(?:[\s\ufeff]+|//[^\n\r\u2028\u2029]*|/\*.*?\*/)+", re.DOTALL)
_NAME = re.compile(r"#?(?:[\w$]|\\u[0-9A-Fa-f]{4}|\\u\{[0-9A-Fa-f]+\})+")
_NUMBER = re.compile(r"\.?\d(?:[eE][+-]|[\w.])*")
_STRING = re.compile(r""""(?:[^"\\\n\r]|\\\r\n|\\.)*"|'(?:[^'\\\n\r]|\\\r\n|\\.)*'""", re.DOTALL)
_TEMPLATE_PART = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*", re.DOTALL)
_REGEX = re.compile(r"/(?![*/])(?:[^\\/\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*\])+/\w*")
_MARK = re.compile(r"\?\.(?!\d)|(?:\?\?|\|\||&&)=?|=>|\.\.\.|\+\+|--|[=!]==?|[-+*/%&|^<>]=?|.", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(\r\n)|(.))", re.DOTALL)
_PLAIN_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_LINE_ENDS = "\n\r\u2028\u2029"

_BEFORE_REGEX = frozenset(
    "return typeof instanceof in of new delete void throw case do else yield await".split()  # noqa: SIM905 - reads better as a list of words
)
_BEFORE_CONDITION = frozenset({"if", "while", "for", "with"})


class Located(NamedTuple):
    """A token and where it stands: ``code[start:end]``, quotes included."""

    token: Token
    start: int
    end: int


def tokens(code: str) -> Iterator[Token]:
    """Yield the tokens of ``code`` without comments; a part that is no JavaScript comes as ``BROKEN``."""
    return (found.token for found in _Scanner(code).run())


def located_tokens(code: str) -> Iterator[Located]:
    """Yield what ``tokens`` yields with its place; what lies between two tokens is space and comments."""
    return _Scanner(code).run()


def unescape(text: str) -> str:
    """Resolve the escapes of a string literal, a template or an identifier (ECMA-262, 12.9.4)."""
    return _ESCAPE.sub(_resolve, text) if "\\" in text else text


def _resolve(match: re.Match[str]) -> str:
    braced, four, two, _line_end, plain = match.groups()
    if digits := braced or four or two:
        number = int(digits, 16)
        return chr(number) if number <= 0x10FFFF else "\ufffd"
    if plain is None or plain in _LINE_ENDS:
        return ""
    return _PLAIN_ESCAPES.get(plain, plain)


class _Scanner:
    def __init__(self, code: str) -> None:
        self._code = code
        self._at = 0
        self._last = END
        self._brackets: list[tuple[str, bool]] = []
        self._regex_next = True

    def run(self) -> Iterator[Located]:
        if self._code.startswith("#!"):
            self._at = len(self._code.split("\n", 1)[0])
        while True:
            if space := _SPACE.match(self._code, self._at):
                self._at = space.end()
            if self._at >= len(self._code):
                return
            start = self._at
            token = self._next()
            self._regex_next = self._regex_may_follow(token)
            self._last = token
            yield Located(token, start, self._at)

    def _next(self) -> Token:
        char = self._code[self._at]
        if char.isdigit() or (char == "." and self._code[self._at + 1 : self._at + 2].isdigit()):
            return self._take(_NUMBER, Kind.NUMBER)
        if name := self._try(_NAME):
            return Token(Kind.NAME, unescape(name))
        if char in "\"'":
            return self._string()
        if char == "`":
            self._at += 1
            return self._template(head=True)
        if char == "/" and self._regex_next and (regex := self._try(_REGEX)):
            return Token(Kind.REGEX, regex)
        return self._mark()

    def _try(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self._code, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match.group()

    def _take(self, pattern: re.Pattern[str], kind: Kind) -> Token:
        text = self._try(pattern)
        assert text is not None
        return Token(kind, text)

    def _string(self) -> Token:
        text = self._try(_STRING)
        if text is None:
            return self._broken()
        return Token(Kind.STRING, unescape(text[1:-1]))

    def _template(self, *, head: bool) -> Token:
        start = self._at
        self._take(_TEMPLATE_PART, Kind.TEMPLATE)
        text = unescape(self._code[start : self._at])
        if self._code.startswith("`", self._at):
            self._at += 1
            # Without a substitution, and untagged, a template is a string like any other.
            plain = head and not self._ends_operand(self._last)
            return Token(Kind.STRING if plain else Kind.TEMPLATE, text)
        if self._code.startswith("${", self._at):
            self._at += 2
            self._brackets.append(("`", False))
            return Token(Kind.TEMPLATE, text)
        self._at = start
        return self._broken()

    def _mark(self) -> Token:
        char = self._code[self._at]
        if char == "}" and self._brackets and self._brackets[-1][0] == "`":
            self._brackets.pop()
            self._at += 1
            return self._template(head=False)
        text = self._take(_MARK, Kind.PUNCTUATION).text
        if text in ("(", "[", "{"):
            condition = self._last.kind is Kind.NAME and self._last.text in _BEFORE_CONDITION
            self._brackets.append((text, condition))
        return Token(Kind.PUNCTUATION, text)

    def _broken(self) -> Token:
        """Give up on the rest: what follows an open string or template has no meaning to find."""
        rest = self._code[self._at :]
        self._at = len(self._code)
        return Token(Kind.BROKEN, rest)

    def _regex_may_follow(self, token: Token) -> bool:
        if token.is_mark(")", "]", "}"):
            opened, condition = self._brackets.pop() if self._brackets else ("", False)
            return condition or opened == "{"
        if token.kind is Kind.TEMPLATE:
            return bool(self._brackets) and self._brackets[-1][0] == "`" and self._code[self._at - 1] == "{"
        return not self._ends_operand(token)

    def _ends_operand(self, token: Token) -> bool:
        if token.kind is Kind.PUNCTUATION:
            return token.text in (")", "]", "++", "--")
        return not (token.kind is Kind.NAME and token.text in _BEFORE_REGEX)
