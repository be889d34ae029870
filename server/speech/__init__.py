"""Where in audio somebody speaks, and where nobody does."""
