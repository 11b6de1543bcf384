"""nightdrop: an automation server with a write-only secret store."""

__version__ = "0.1.0"
