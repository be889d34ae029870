"""Deepgram's listen API: its query, its live session without a socket, and its shapes of answers."""
