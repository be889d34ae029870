"""From answer tokens to segments to the formats clients ask for. Pure functions and small state machines, no I/O."""
