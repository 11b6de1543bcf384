"""The guarded secret store."""
