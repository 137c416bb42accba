"""The built-in module that pursues goals for the brain itself, within what it is allowed to do."""
