"""``lrc``: lyrics with times, as music players show them."""

from __future__ import annotations

from server.transcript.formats.comments import comment
from server.transcript.formats.subtitles.cues import cues
from server.transcript.formats.subtitles.options import DEFAULT_SUBTITLES, SubtitleOptions
from server.transcript.segments import Transcript

_PAUSE = 1_000
"""Milliseconds without a cue after which an empty line takes the last one from the screen."""
_BRACKETS = str.maketrans("[]", "()")


def render_lrc(transcript: Transcript, options: SubtitleOptions = DEFAULT_SUBTITLES) -> str:
    """The cues of srt, each in one line behind its start, ``[01:02.34]``. Empty without speech.

    Where the end of the recording may be missing a comment behind the last line says so: a tag of type ``#``, as
    Wikipedia's "LRC (file format)" has it, which is the nearest to a specification that there is. Tags use to stand in
    front; but by the first line FFmpeg, and players that use it, know the format.
    """
    shown = cues(transcript, options, prefixed=True)
    lines: list[str] = []
    for place, cue in enumerate(shown):
        lines.append(f"[{_time(cue.start)}]{' '.join(cue.lines)}\n")
        if place + 1 == len(shown) or shown[place + 1].start - cue.end > _PAUSE:
            lines.append(f"[{_time(cue.end)}]\n")
    if told := comment(transcript):
        lines.append(f"[#:{told.translate(_BRACKETS)}]\n")
    return "".join(lines)


def _time(milliseconds: int) -> str:
    hundredths = milliseconds // 10
    return f"{hundredths // 6000:02}:{hundredths // 100 % 60:02}.{hundredths % 100:02}"
