"""Places in text as JavaScript and browsers count them: in units of UTF-16."""


def utf16_of(text: str, index: int) -> int:
    """Return the place in UTF-16 units of the character at ``index``."""
    return index if text.isascii() else index + sum(char > "\uffff" for char in text[:index])


def index_of(text: str, units: int) -> int:
    """Return the index of the character at a place in UTF-16 units; a place outside gives one outside."""
    if text.isascii():
        return units
    at = 0
    for index, char in enumerate(text):
        if at >= units:
            return index
        at += 2 if char > "\uffff" else 1
    return len(text) + max(0, units - at)
