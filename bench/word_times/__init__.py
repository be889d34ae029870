"""Where words stand in time: how far estimates are off, and how much probabilities say of what is wrong."""
