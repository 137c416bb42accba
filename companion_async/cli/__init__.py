"""The door for people at a terminal: the ``companion`` command."""
