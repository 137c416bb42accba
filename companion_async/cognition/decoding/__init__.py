"""Processes in which files of strangers are decoded, so that what goes wrong there goes wrong there alone."""
