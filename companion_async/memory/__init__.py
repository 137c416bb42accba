"""What an agent remembers, in memory and bounded: events, concepts, moments, and what is at hand just now."""
