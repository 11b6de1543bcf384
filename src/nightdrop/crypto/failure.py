"""Why something sealed does not open: the classes that tests, the keeper and the pages share."""

from enum import StrEnum


class Failure(StrEnum):
    """A class of failure; it tells what is wrong, never anything about the content."""

    FORMAT = "format"
    """Not the right length, or cut off."""
    VERSION = "version"
    """A format version that this release does not know."""
    SUITE = "suite"
    """Sealed with other algorithms than the ones that are allowed."""
    EPOCH = "epoch"
    """Sealed to a key of another epoch."""
    AUTHENTICATION = "authentication"
    """Changed, moved, renamed, or sealed to another key."""
    RECORD = "record"
    """Authentic, but the record inside is not well formed."""
    POLICY = "policy"
    """Authentic, but the usage policy inside is not one that this release understands."""
