"""Text of others on a terminal: a script must not move the cursor, change the title or answer for the reader.

The lines of a run's log need none of this: their control characters are escaped before they leave the run.
"""

import sys


def plain(text: str) -> str:
    """Return ``text`` without control characters when it goes to a terminal; a file or a pipe gets it as it is."""
    if not sys.stdout.isatty():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
