"""What happened: one frozen struct per kind of event, and the bus that hands them out."""
