"""``vibevoice-asr transcribe``: recordings in, files or lines out, through a server or without one."""
