"""Configuration, assembly, and `Brain` itself."""
