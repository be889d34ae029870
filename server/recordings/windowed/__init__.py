"""Recordings longer than what the model hears at once: heard in windows, told as one transcript."""
