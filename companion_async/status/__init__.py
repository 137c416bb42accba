"""The immutable pictures of the system, its categories, modules, workers and tasks."""
