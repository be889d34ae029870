"""Seams of windows: cases stitched on the command line, and how many words and speakers come out right."""
