"""From the loop to a thread and back: slots, pools, and what a run left behind."""
