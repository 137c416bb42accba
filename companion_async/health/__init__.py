"""How the runtime knows that it is well: checks, process figures, the monitor, and a watchdog over the event loop."""
