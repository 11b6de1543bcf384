"""The REST API and the web process."""
