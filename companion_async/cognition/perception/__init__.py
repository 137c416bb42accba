"""What an agent perceives: the scene around it, six senses, and what is attended to."""
