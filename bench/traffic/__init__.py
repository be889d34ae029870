"""Clients of every kind, side by side in loops, and what each of their requests came to."""
