"""What is written: hypotheses of windows that follow each other, and what of them is final."""
