"""The worker and its children."""
