"""The built-in module that thinks in steps: exactly where it can, with a model where there is one."""
