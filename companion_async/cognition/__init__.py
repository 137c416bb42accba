"""The built-in modules, one file or folder each, named as the module is."""
