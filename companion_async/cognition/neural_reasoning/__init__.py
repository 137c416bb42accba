"""The built-in module that remembers by likeness: associations, concepts, analogies, and classes learnt by example."""
