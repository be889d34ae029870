"""``vtt``: WebVTT captions."""

from __future__ import annotations

from server.transcript.formats.comments import comment
from server.transcript.formats.subtitles.cues import Cue, Voice, cues
from server.transcript.formats.subtitles.options import DEFAULT_SUBTITLES, SubtitleOptions
from server.transcript.formats.subtitles.timestamps import timestamp
from server.transcript.segments import Transcript

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def render_vtt(transcript: Transcript, options: SubtitleOptions = DEFAULT_SUBTITLES) -> str:
    """Cues with a voice tag (``<v Speaker 1>``) where there are several speakers; only the header without speech.

    Where the end of the recording may be missing a comment behind the last cue says so.
    """
    shown = "".join(_block(cue) for cue in cues(transcript, options, prefixed=False))
    return f"WEBVTT\n\n{shown}{_note(comment(transcript))}"


def _note(told: str) -> str:
    """A comment of one line: a blank line or an arrow would end it."""
    return f"NOTE {told.replace('-->', '→')}\n" if told else ""


def _block(cue: Cue) -> str:
    # The tag of a voice that has the cue for itself may stay open.
    close = "</v>" if len(cue.voices) > 1 else ""
    text = "\n".join(_voice(voice, close) for voice in cue.voices)
    return f"{timestamp(cue.start, '.')} --> {timestamp(cue.end, '.')}\n{text}\n\n"


def _voice(voice: Voice, close: str) -> str:
    text = "\n".join(voice.lines).translate(_ESCAPES)
    return text if voice.speaker is None else f"<v {voice.speaker.translate(_ESCAPES)}>{text}{close}"
