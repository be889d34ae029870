"""Mixed traffic for an hour, and whether anything grows."""
