"""`code_executor`: runs Python and JavaScript in a sandbox that was tried before it is trusted."""
