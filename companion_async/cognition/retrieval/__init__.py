"""The built-in module that remembers what the moment asks for."""
