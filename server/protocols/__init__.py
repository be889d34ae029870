"""What clients of other services expect, without a socket and without a clock."""
