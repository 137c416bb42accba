"""What the runtime decides by itself: readings in, verdicts out, actions through one protocol, all of it on record."""
