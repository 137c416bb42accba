"""Passages that answer a question."""
