"""Guesses at the next answer tokens."""
