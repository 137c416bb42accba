"""What a module is: its specification, handlers, lifecycle and record, and the registry of those that live."""
