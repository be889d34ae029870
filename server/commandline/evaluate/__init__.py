"""``vibevoice-asr eval``: how right transcripts are, and whether one way is better than another."""
