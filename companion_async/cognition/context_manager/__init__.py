"""What was said in each conversation: bounded windows, and a summary of what falls out of them."""
