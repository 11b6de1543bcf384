"""Custody: what protects the seed of a host's node key.

A provider only stores and loads 32 bytes. Everything else about keys stays the same whichever one is used.
"""

from typing import Protocol

from nightdrop.core.errors import ConflictError, NightdropError, UnavailableError
from nightdrop.core.redacted import RedactedBytes


class NodeKeyMissingError(UnavailableError):
    """The node key is not there."""

    code = "node_key_missing"
    hint = (
        "It lies outside the home directory, so a copy of the home lacks it. Put it back from where you keep it,"
        " or make a new one for this host with the recovery key."
    )


class NodeKeyInvalidError(UnavailableError):
    """The node key is damaged or is not a node key."""

    code = "node_key_invalid"
    hint = "Put it back from a good copy, or make a new one for this host with the recovery key."


class NodeKeyExposedError(UnavailableError):
    """Other users could have read or replaced the node key."""

    code = "node_key_exposed"
    hint = (
        "It must be a plain file of the user who runs nightdrop, mode 0600, not a link. If others could read it,"
        " treat it as known to them: rotate the site keys without this node, then give the host a new node key."
    )


class NodeKeyExistsError(ConflictError):
    """There is a node key already."""

    code = "node_key_exists"
    hint = "It is never overwritten: what is sealed to it would be lost. Move it away first if that is meant."


class NodeKeyNotStoredError(UnavailableError):
    """The node key could not be stored."""

    code = "node_key_not_stored"
    hint = "Check that the directory can be written by this user and that the disk is not full."


class Custody(Protocol):
    """Keeps the 32-byte seed of this host's node key."""

    name: str

    def store(self, seed: RedactedBytes) -> None:
        """Keep a new seed; never replaces one.

        Raises:
            NodeKeyExistsError, NodeKeyNotStoredError.
        """
        ...

    def load(self) -> RedactedBytes:
        """Return the seed; the caller wipes it.

        Raises:
            NodeKeyMissingError, NodeKeyInvalidError, NodeKeyExposedError.
        """
        ...

    def check(self) -> list[NightdropError]:
        """Return what is wrong, without raising; an empty list means the seed can be loaded."""
        ...
