"""``srt``: SubRip captions."""

from __future__ import annotations

import regex

from server.transcript.formats.subtitles.cues import Cue, cues
from server.transcript.formats.subtitles.options import DEFAULT_SUBTITLES, SubtitleOptions
from server.transcript.formats.subtitles.timestamps import timestamp
from server.transcript.segments import Transcript

_NOTHING = "\u200c"
"""A zero-width non-joiner has no look and, between these signs, no meaning; fonts for Persian made it known to all."""
_OBEYED = regex.compile(
    r"""(?P<tag><)(?=[^\s\d=]|[^>]*>)  # <i>, < i >, </font>, <!-- ; but neither 3 < 4 nor <= nor <3
      | (?P<entity>&)(?=\#?\w+;)       # &lt; &#60;
      | (?P<escape>\\)(?=[Nnh])        # \N, a line break""",
    regex.VERBOSE,
)
_OVERRIDE = regex.compile(r"\{.*\}", regex.DOTALL)
_BRACES = str.maketrans("{}", "｛｝")


def render_srt(transcript: Transcript, options: SubtitleOptions = DEFAULT_SUBTITLES) -> str:
    """Numbered cues, ``Speaker 1: `` in front of the text where the speaker changes. Empty without speech."""
    shown = cues(transcript, options, prefixed=True)
    return "".join(_block(number, cue) for number, cue in enumerate(shown, start=1))


def _block(number: int, cue: Cue) -> str:
    text = _literal("\n".join(cue.lines))
    return f"{number}\n{timestamp(cue.start, ',')} --> {timestamp(cue.end, ',')}\n{text}\n\n"


def _literal(text: str) -> str:
    """A text that players show as it is.

    SubRip has no escapes. Players take HTML's tags (and FFmpeg all that looks like one), HTML's entities (VLC), and
    what stands between braces, which are SubStation's commands. A sign without a look breaks the first two. Braces
    hide whatever they hold in libass, so they are shown by those of full width; an arrow would be taken for a time
    line.
    """
    if _OVERRIDE.search(text):
        text = text.translate(_BRACES)
    return _OBEYED.sub(rf"\g<0>{_NOTHING}", text.replace("-->", "→"))
