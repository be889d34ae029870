"""Deepgram's Flux: turns of a conversation on ``/v2/listen``, without a socket."""
