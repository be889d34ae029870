"""Windows that overlap, heard each for itself, as one transcript: one clock, one numbering, no word lost or doubled."""
