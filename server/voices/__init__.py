"""What tells voices apart: a vector for each of a few clips, which somebody else compares."""
