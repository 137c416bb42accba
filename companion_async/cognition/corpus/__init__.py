"""What can be read, and how: folders of documents, Python sources, and the running Python's own documentation."""
