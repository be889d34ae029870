"""``text``: the words alone."""

from __future__ import annotations

from server.transcript.segments import Transcript


def render_text(transcript: Transcript) -> str:
    """The contents of the speech segments, joined by spaces."""
    return transcript.text
