"""Which model answers what: rules by task and size, the endpoints, and the embedded responder behind them."""
