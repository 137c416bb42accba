"""Tools for tests of code that runs in a brain: time that a test owns, and the pytest plugin that hands it out."""
