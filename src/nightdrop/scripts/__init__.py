"""Scripts and their versions."""
