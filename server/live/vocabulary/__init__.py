"""What protocols and sessions say to each other."""
