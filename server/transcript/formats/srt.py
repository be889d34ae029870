"""``srt``: SubRip captions."""

from __future__ import annotations

from server.transcript.formats.cues import Cue, cues, timestamp
from server.transcript.segments import Transcript


def render_srt(transcript: Transcript) -> str:
    """Numbered cues. Where there are several speakers, each turn begins with ``Speaker 1: ``. Empty without speech."""
    return "".join(_block(number, cue) for number, cue in enumerate(cues(transcript, prefixed=True), start=1))


def _block(number: int, cue: Cue) -> str:
    # SubRip has no escapes, and an arrow in the text would be taken for a time line.
    text = "\n".join(cue.lines).replace("-->", "→")
    return f"{number}\n{timestamp(cue.start, ',')} --> {timestamp(cue.end, ',')}\n{text}\n\n"
