"""A transcript in the formats of the server's API."""

from __future__ import annotations

from server.protocols.openai.rendering import rendered_as
from server.protocols.openai.response_format import all_formats
from server.protocols.openai.transcription_request import TEXT_FORMATS, TranscriptionParameters
from server.transcript.segments import Transcript


def render(transcript: Transcript, form: str, *, name: str = "audio") -> str | dict[str, object]:
    """As ``text``, ``srt``, ``vtt``, ``lrc``, ``rttm``, or an object for ``json``, ``verbose_json``, ``diarized_json``.

    ``name``: what RTTM calls the recording. Raises ValueError for a format that there is not, and for one that needs
    times where the transcript is the answer to an instruction, which has none.
    """
    known = {each.value: each for each in all_formats()}
    if form not in known:
        raise ValueError(f"There is no format {form!r}: there are {', '.join(known)}.")
    wanted = known[form]
    if wanted not in TEXT_FORMATS and any(segment.free for segment in transcript.segments):
        raise ValueError(f"{form} needs to know what is said when, and the answer to an instruction has no times.")
    return rendered_as(wanted, transcript, TranscriptionParameters(), name)
