"""The built-in module that decides for the whole agent, from a little of what it knows."""
