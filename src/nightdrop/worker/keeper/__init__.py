"""The process that opens secrets."""
