"""Shared resources: one fair lock for readers and writers, and one graph of all that waits."""
