"""The built-in module that gives answers a manner, and learns which one suits whom."""
