"""Modules that live in processes of their own: what runs there, and the parent's side of it."""
