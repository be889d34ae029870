"""``vtt``: WebVTT captions."""

from __future__ import annotations

from server.transcript.formats.cues import Cue, cues, timestamp
from server.transcript.segments import Transcript

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def render_vtt(transcript: Transcript) -> str:
    """Cues with a voice tag (``<v Speaker 1>``) where there are several speakers; only the header without speech."""
    return "WEBVTT\n\n" + "".join(_block(cue) for cue in cues(transcript))


def _block(cue: Cue) -> str:
    text = "\n".join(cue.lines).translate(_ESCAPES)
    voice = f"<v {' '.join(cue.speaker.split()).translate(_ESCAPES)}>" if cue.speaker is not None else ""
    return f"{timestamp(cue.start, '.')} --> {timestamp(cue.end, '.')}\n{voice}{text}\n\n"
