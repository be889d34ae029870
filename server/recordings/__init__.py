"""A recording and what is wished of it in, the events of its transcript out. No HTTP, no metrics."""
