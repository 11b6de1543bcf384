"""The template of a header that is filled in from secrets: ``Bearer {api-key}``.

A name in braces stands for the value of that secret; ``{{`` and ``}}`` stand for the braces themselves.
"""

import re
from collections.abc import Callable

_PART = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<name>[^{}]*)\}|(?P<stray>[{}])|(?P<text>[^{}]+)")


class TemplateError(Exception):
    """This is no template; the text says why and repeats nothing of it."""


def secret_names(template: str) -> list[str]:
    """Return the secrets that a template names, in their order.

    Raises:
        TemplateError: a brace has no counterpart, a name is empty, or there is none at all.
    """
    names = [part["name"] for part in _parts(template) if part["name"] is not None]
    if not names:
        raise TemplateError("the template names no secret in braces")
    return names


def fill_in(template: str, value: Callable[[str], str]) -> str:
    """Return a template's text with the values of its secrets.

    Raises:
        TemplateError: see ``secret_names``.
    """
    secret_names(template)
    return "".join(_text(part, value) for part in _parts(template))


def _text(part: re.Match[str], value: Callable[[str], str]) -> str:
    if part["name"] is not None:
        return value(part["name"])
    return part["brace"][0] if part["brace"] else str(part["text"])


def _parts(template: str) -> list[re.Match[str]]:
    parts = list(_PART.finditer(template))
    if any(part["stray"] or part["name"] == "" for part in parts):
        raise TemplateError("the template has a brace without a secret's name; write {{ or }} for a brace itself")
    return parts
