"""``vibevoice-asr live``: captions while somebody speaks."""
