"""The built-in module that learns from feedback what serves."""
