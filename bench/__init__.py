"""Measured comparisons. Each command prints one table from one run on one machine and ends with its goals."""
