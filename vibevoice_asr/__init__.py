"""VibeVoice-ASR in Python, without a server: recordings in, who said what when out.

::

    from vibevoice_asr import Transcriber

    with Transcriber("microsoft/VibeVoice-ASR-HF") as model:
        for segment in model.transcribe("meeting.m4a").segments:
            print(segment.start, segment.end, segment.speaker, segment.text)

The model runs in a process of its own, with everything that the server does: recordings side by side in one batch, long
ones in windows, answers that run in circles asked for again. ``docs/python.md`` says more.
"""

from __future__ import annotations

from server.transcript.segments import Segment, Transcript
from vibevoice_asr.asynchronous import AsyncTranscriber
from vibevoice_asr.errors import TranscriptionError
from vibevoice_asr.options import Options, Recording
from vibevoice_asr.outcome import Outcome
from vibevoice_asr.rendering import render
from vibevoice_asr.synchronous import Transcriber

__all__ = [
    "AsyncTranscriber",
    "Options",
    "Outcome",
    "Recording",
    "Segment",
    "Transcriber",
    "Transcript",
    "TranscriptionError",
    "render",
]
