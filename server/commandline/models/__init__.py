"""``vibevoice-asr models``: which checkpoint there is, whether it fits, and how to have it."""
