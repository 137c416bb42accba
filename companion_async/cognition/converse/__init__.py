"""The built-in module that says what the agent is about to do."""
