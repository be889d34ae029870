"""What the formats that have comments say in one: that the end of the recording may be missing, and why."""

from __future__ import annotations

from server.transcript.segments import Transcript


def comment(transcript: Transcript) -> str:
    """The notes, in one line, of a transcript that is not complete; empty for one that is."""
    return "" if transcript.complete else " ".join(" ".join(transcript.notes).split())
