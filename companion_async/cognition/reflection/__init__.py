"""The built-in module that draws insights from what was lived through."""
