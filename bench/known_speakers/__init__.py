"""How well known speakers are told by their clips."""
