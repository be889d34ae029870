"""The formats a client may ask for, each a pure function of a transcript.

Only speech is shown, except in ``verbose_json``, which has every segment.
"""

from server.transcript.formats.diarization import render_diarization, render_rttm
from server.transcript.formats.diarized_json import render_diarized_json
from server.transcript.formats.json import render_json
from server.transcript.formats.lrc import render_lrc
from server.transcript.formats.srt import render_srt
from server.transcript.formats.subtitles.options import DEFAULT_SUBTITLES, SubtitleOptions
from server.transcript.formats.text import render_text
from server.transcript.formats.verbose_json import render_verbose_json
from server.transcript.formats.vtt import render_vtt

__all__ = [
    "DEFAULT_SUBTITLES",
    "SubtitleOptions",
    "render_diarization",
    "render_diarized_json",
    "render_json",
    "render_lrc",
    "render_rttm",
    "render_srt",
    "render_text",
    "render_verbose_json",
    "render_vtt",
]
