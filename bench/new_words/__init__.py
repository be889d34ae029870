"""Ten new words for the tiny checkpoint, and whether it keeps the old ones."""
