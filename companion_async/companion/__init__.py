"""The companion: a brain with the built-in modules, that reads, answers with sources, and remembers what was said."""
