"""Formats and sealing; one file per format."""
