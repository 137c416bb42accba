"""Shared state: an immutable tree with a version, changes and transactions on it, and who is told of them."""
