"""Secrets that stand in a script's code: found by their form, by the name beside them, or because they look random.

The forms are those of ``detect-secrets``, of which nothing is used but its patterns: it can ask a service whether
a key works, and here nothing of that kind may ever be called.
"""

import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from nightdrop.scripts.tokens import END, Kind, Located, Token, located_tokens

MAX_FINDINGS = 500

_MODULES = {
    "artifactory": "Artifactory key",
    "aws": "AWS key",
    "azure_storage_key": "Azure storage key",
    "basic_auth": "Password in an address",
    "discord": "Discord token",
    "github_token": "GitHub token",
    "gitlab_token": "GitLab token",
    "jwt": "JSON Web Token",
    "mailchimp": "Mailchimp key",
    "npm": "npm token",
    "openai": "OpenAI key",
    "private_key": "Private key",
    "pypi_token": "PyPI token",
    "sendgrid": "SendGrid key",
    "slack": "Slack token",
    "square_oauth": "Square secret",
    "stripe": "Stripe key",
    "telegram_token": "Telegram token",
    "twilio": "Twilio key",
}
_AGE_IDENTITY = re.compile(r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{20,}")
_TELLING_NAME = re.compile(
    r"(?:^|_|-|\.)(?:pass(?:word|wd|phrase|code)?|pwd|pw|secret|token|auth|authorization|credentials?|connectionstring"
    r"|otfekey|(?:x-)?(?:api|access|account|private|secret|signing|encryption|shared|master|auth|license)[_-]?key)$"
)
# The value beside these names is the name of a secret, or public.
_HARMLESS_NAME = re.compile(
    r"(?:from_secret|secret_name|key_file_secret|host_key|fingerprint|public_key|recipient"
    r"|(?:^|_|\.)(?:sha\d*|md5|hash|checksum|etag|id))$"
)
# What stands beside such a name and says which kind, not which one.
_KINDS = frozenset({"basic", "bearer", "digest", "password", "passphrase", "token", "none", "true", "false"})
_READERS = frozenset({"GetSecret", "HasSecret", "RequireSecret", "HeaderFromSecret"})
_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_RANDOM = re.compile(r"[A-Za-z0-9+/_=-]{20,256}")
_HEX = re.compile(r"[0-9a-fA-F]{24,256}")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PUBLIC = re.compile(r"age1[0-9a-z]+|SHA256:.*|(?:AAAA)[A-Za-z0-9+/=]+")
_COMMENT = re.compile(r"//[^\n\r]*|/\*.*?\*/", re.DOTALL)
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
# Bits for each character above which text looks random; the limits that detect-secrets has as its defaults.
_BASE64_BITS, _HEX_BITS = 4.5, 3.0
_LEAST = 4
_SHORTEST_SUGGESTION = 3
_BETWEEN = ("=", ":", "??=", "||=", "??", "||", "==", "===", "!=", "!==")
_SUGGESTION_MAX = 60


@dataclass(frozen=True, slots=True, repr=False)
class Leak:
    """A secret in the code, at ``code[start:end]`` (quotes included), ``line`` from 1; it does not show the value.

    ``suggestion`` is a name for it in the store. ``movable``: it is a literal of its own, which a call can replace.
    """

    start: int
    end: int
    line: int
    title: str
    suggestion: str
    movable: bool

    def __repr__(self) -> str:
        return f"Leak(line={self.line}, title={self.title!r})"


def find_leaks(code: str) -> tuple[Leak, ...]:
    """Return the passwords, tokens and keys that stand in ``code``, in their order; at most ``MAX_FINDINGS``."""
    return tuple(leak for leak, _ in zip(_Finder(code).run(), range(MAX_FINDINGS), strict=False))


class _Finder:
    def __init__(self, code: str) -> None:
        self._code = code
        self._found: Sequence[Located] = list(located_tokens(code))
        self._line, self._counted = 1, 0

    def run(self) -> Iterator[Leak]:
        end = 0
        for index, found in enumerate(self._found):
            yield from self._comments(end, found.start)
            end = found.end
            if found.token.kind in (Kind.STRING, Kind.TEMPLATE):
                yield from self._literal(index, found)
            elif found.token.kind is Kind.BROKEN:
                yield from self._by_form(found.start, found.end)
        yield from self._comments(end, len(self._code))

    def _comments(self, start: int, end: int) -> Iterator[Leak]:
        if start < end:
            for comment in _COMMENT.finditer(self._code, start, end):
                yield from self._by_form(comment.start(), comment.end())

    def _by_form(self, start: int, end: int) -> Iterator[Leak]:
        if title := _known_form(self._code[start:end]):
            yield self._leak(start, end, title, "", movable=False)

    def _literal(self, index: int, found: Located) -> Iterator[Leak]:
        value, name = found.token.text, self._name_beside(index)
        if self._is_name_of_secret(index, name) or self._is_key(index):
            return
        title = _known_form(value) or _told_by_name(name, value) or _looks_random(name, value)
        if title:
            yield self._leak(found.start, found.end, title, name, movable=found.token.kind is Kind.STRING)

    def _leak(self, start: int, end: int, title: str, name: str, *, movable: bool) -> Leak:
        self._line += self._code.count("\n", self._counted, start)
        self._counted = start
        return Leak(start, end, self._line, title, _suggestion(name, title), movable)

    def _at(self, index: int) -> Token:
        return self._found[index].token if 0 <= index < len(self._found) else END

    def _is_key(self, index: int) -> bool:
        return self._at(index + 1).is_mark(":") and self._at(index - 1).is_mark("{", ",")

    def _is_name_of_secret(self, index: int, name: str) -> bool:
        if _HARMLESS_NAME.search(_plain(name)):
            return True
        opened = index - 1
        while self._at(opened).is_mark(",") or self._at(opened).kind is Kind.STRING:
            opened -= 1
        return self._at(opened).is_mark("(") and self._at(opened - 1).text in _READERS

    def _name_beside(self, index: int) -> str:
        """Return what the value is called: ``NAME = "..."``, ``NAME: "..."``, ``Header("NAME", "...")``."""
        before = self._at(index - 1)
        if before.is_mark(*_BETWEEN):
            return self._path(index - 2)
        if before.is_mark(",") and self._at(index - 2).kind is Kind.STRING and self._at(index - 3).is_mark("("):
            return self._at(index - 2).text
        return ""

    def _path(self, index: int) -> str:
        """Return ``object.field`` as it is written, from its last name backwards."""
        last = self._at(index)
        if last.is_mark("]") and self._at(index - 1).kind is Kind.STRING:
            return self._at(index - 1).text
        if last.kind not in (Kind.NAME, Kind.STRING):
            return ""
        if last.kind is Kind.NAME and self._at(index - 1).is_mark(".") and self._at(index - 2).kind is Kind.NAME:
            return f"{self._at(index - 2).text}.{last.text}"
        return last.text


def _plain(name: str) -> str:
    """Return a name in lower case with its words apart: ``cli.apiKey`` is ``cli.api_key``."""
    return _WORD_BREAK.sub("_", name).lower()


def _told_by_name(name: str, value: str) -> str | None:
    if len(value) < _LEAST or value.lower() in _KINDS or value.startswith(("{", "${", "<")):
        return None
    return "Password or key" if _TELLING_NAME.search(_plain(name)) else None


def _looks_random(name: str, value: str) -> str | None:
    if _UUID.fullmatch(value) or _PUBLIC.fullmatch(value) or "Random" in name:
        return None
    if _HEX.fullmatch(value):
        random = _bits(value) > _HEX_BITS
    else:
        mixed = any(char.isdigit() for char in value) and any(char.isalpha() for char in value)
        random = bool(_RANDOM.fullmatch(value)) and mixed and _bits(value) > _BASE64_BITS
    return "Random-looking text" if random else None


def _bits(value: str) -> float:
    plugin = importlib.import_module("detect_secrets.plugins.high_entropy_strings").Base64HighEntropyString()
    return float(plugin.calculate_shannon_entropy(value))


def _known_form(value: str) -> str | None:
    if len(value) < _LEAST:
        return None
    if _AGE_IDENTITY.search(value):
        return "age identity"
    return next((title for title, search in _forms() if search(value)), None)


@cache
def _forms() -> tuple[tuple[str, Callable[[str], bool]], ...]:
    """Return the detectors of the library, which is loaded when somebody first asks."""
    base = importlib.import_module("detect_secrets.plugins.base").RegexBasedDetector
    made: list[tuple[str, Callable[[str], bool]]] = []
    for name, title in _MODULES.items():
        module = importlib.import_module(f"detect_secrets.plugins.{name}")
        found = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
        ]
        made += [(title, _searcher(detector())) for detector in found]
    return tuple(made)


def _searcher(detector: object) -> Callable[[str], bool]:
    analyze = detector.analyze_string  # type: ignore[attr-defined]
    return lambda value: next(iter(analyze(value)), None) is not None


def _suggestion(name: str, title: str) -> str:
    words = _NOT_A_WORD.sub("-", _plain(name)).strip("-")
    if len(words) < _SHORTEST_SUGGESTION:
        words = _NOT_A_WORD.sub("-", title.lower()).strip("-")
    return words[:_SUGGESTION_MAX].strip("-")
