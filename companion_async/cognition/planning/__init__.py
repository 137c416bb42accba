"""The built-in module that has several goals, one plan, and another when a step fails."""
