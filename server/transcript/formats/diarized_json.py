"""``diarized_json``: OpenAI's ``TranscriptionDiarized``, who said what when."""

from __future__ import annotations

from server.transcript.formats import parts
from server.transcript.labels import SpeakerLabels
from server.transcript.segments import Transcript


def render_diarized_json(
    transcript: Transcript, *, audio_events: bool = False, waveform: bool = False
) -> parts.JsonObject:
    """The speech segments with their speakers: ``A``, ``B``, ... in order of appearance, or known names.

    ``audio_events``: and sounds that are no speech, whose speaker is empty. ``waveform``: and how loud it is.
    """
    told = transcript.segments if audio_events else transcript.speech
    labels = SpeakerLabels(transcript.speaker_names, transcript.channels)
    body: parts.JsonObject = {
        "task": "transcribe",
        "duration": parts.seconds(transcript.duration),
        "text": transcript.text,
        "segments": [parts.diarized_segment(segment, labels) for segment in told],
        "usage": parts.usage(transcript),
    }
    return body | parts.notes(transcript) | (parts.waveform(transcript) if waveform else {})
