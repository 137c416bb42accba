"""The built-in module that does what was decided, and sees what came of it."""
