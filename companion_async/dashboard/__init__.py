"""The page: static files, read by whoever serves the HTTP interface."""
