"""Tasks, the order they run in, and the scheduler that moves them."""
