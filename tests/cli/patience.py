"""How long a command may take in a test."""

PATIENCE = 50.0
"""Seconds: one or two where nothing else runs, and pytest's own limit is four minutes."""
