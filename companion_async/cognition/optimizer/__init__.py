"""The built-in module that reads the brain's own figures, proposes what would help, and takes back what did not."""
