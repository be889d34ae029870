"""Who spoke when, as JSON and as RTTM: the formats of ``/v1/audio/diarization``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from server.transcript.formats import parts
from server.transcript.formats.comments import comment
from server.transcript.language import spoken_language
from server.transcript.segments import Transcript
from server.transcript.turns import Turn

_SPACE = re.compile(r"\s+")
_NO_BREAK = "\N{NO-BREAK SPACE}"


def render_diarization(
    transcript: Transcript, turns: Sequence[Turn], *, with_text: bool, verbose: bool
) -> parts.JsonObject:
    """The turns as segments, as LocalAI and speaches tell them; ``label`` is the model's own number.

    Args:
        transcript: whose turns they are.
        turns: what to tell of it.
        with_text: each segment with its words.
        verbose: also tell the language, and of each speaker how long and how often.
    """
    body: parts.JsonObject = {
        "task": "diarize",
        "duration": parts.seconds(transcript.duration),
        "num_speakers": len({turn.speaker for turn in turns}),
        "segments": [_segment(place, turn, with_text) for place, turn in enumerate(turns)],
    }
    if verbose:
        body["speakers"] = _speakers(turns)
        if (language := spoken_language(transcript.text)) is not None:
            body["language"] = language
    return body | {"usage": parts.duration_usage(transcript)} | parts.notes(transcript)


def _segment(place: int, turn: Turn, with_text: bool) -> parts.JsonObject:
    told: parts.JsonObject = {
        "id": place,
        "speaker": turn.speaker,
        "label": _label(turn),
        "start": parts.seconds(turn.start),
        "end": parts.seconds(turn.end),
    }
    if with_text:
        told["text"] = turn.text
    return told | parts.channel(turn) | parts.doubt(turn)


def _speakers(turns: Sequence[Turn]) -> list[parts.JsonObject]:
    """In order of first speech."""
    by_speaker: dict[str, list[Turn]] = {}
    for turn in turns:
        by_speaker.setdefault(turn.speaker, []).append(turn)
    return [
        {
            "id": speaker,
            "label": _label(theirs[0]),
            "total_speech_duration": parts.seconds(sum(turn.seconds for turn in theirs)),
            "segment_count": len(theirs),
        }
        for speaker, theirs in by_speaker.items()
    ]


def _label(turn: Turn) -> str:
    return "unknown" if turn.number is None else str(turn.number)


def render_rttm(transcript: Transcript, turns: Sequence[Turn], recording: str) -> str:
    """The turns as rich transcription time marks: NIST's RTTM, one ``SPEAKER`` line of ten fields each.

    NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", appendix A: type, file, channel
    (from 1), begin and duration in seconds, orthography and subtype (not there), speaker, confidence and look-ahead
    (not there). Space divides the fields, so there is none in them.

    Where the end of the recording may be missing a comment behind the last line says so: a line that begins with
    ``;;``, as in NIST's other formats; its scorer (md-eval.pl) and MeetEval pass over it. Between its words are
    no-break spaces: readers that know no comments, such as pyannote.database, find one field in it then, and none that
    names a recording, and leave it out as well.

    Args:
        transcript: whose turns they are.
        turns: what to tell of it.
        recording: what the recording is called.
    """
    lines = [
        f"SPEAKER {_field(recording)} {1 if turn.channel is None else turn.channel + 1} "
        f"{turn.start:.3f} {turn.seconds:.3f} <NA> <NA> {_field(turn.speaker)} <NA> <NA>\n"
        for turn in turns
    ]
    if told := comment(transcript):
        lines.append(f";; {told}\n".replace(" ", _NO_BREAK))
    return "".join(lines)


def _field(text: str) -> str:
    return _SPACE.sub("_", text.strip())
