"""The script API."""
