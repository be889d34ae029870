"""``verbose_json``: OpenAI's ``TranscriptionVerbose``, with a ``speaker`` in every segment and word."""

from __future__ import annotations

import zlib
from collections.abc import Collection

from server.transcript.formats import parts
from server.transcript.labels import SpeakerLabels
from server.transcript.language import heard_language
from server.transcript.segments import Segment, Transcript
from server.transcript.words import Word, segment_words


def render_verbose_json(
    transcript: Transcript,
    *,
    temperature: float,
    language: str | None = None,
    granularities: Collection[str] = ("segment",),
    audio_events: bool = True,
) -> parts.JsonObject:
    """All segments, tags without speech included where they are wanted (their speaker is null).

    OpenAI's segments come from Whisper, and clients filter by Whisper's figures. Those that another model has too are
    computed; of ``no_speech_prob``, which the type requires and this model gives no probability for, there is the
    model's decision: 1 where it wrote a tag instead of words. ``seek``, in Whisper where the window begins that a
    segment was heard in, is always 0: where windows begin is told nowhere, and all times are the recording's own.

    Args:
        transcript: what to show.
        temperature: the answer was sampled with.
        language: as the request named it; else the English name of the one that was spoken, as Whisper names languages,
            or ``unknown``. Its code stands in ``languages``.
        granularities: which lists to give: ``segment``, ``word`` (times of words are estimates) or both.
        audio_events: tell of sounds that are no speech.
    """
    labels = SpeakerLabels(transcript.speaker_names, transcript.channels)
    text = transcript.text
    heard = heard_language(text)
    body: parts.JsonObject = {
        "task": "transcribe",
        "language": language or ("unknown" if heard is None else heard.name),
        "duration": parts.seconds(transcript.duration),
        "text": text,
    }
    told = transcript.segments if audio_events else transcript.speech
    if "segment" in granularities:
        body["segments"] = [_segment(segment, labels, temperature) for segment in told]
    if "word" in granularities:
        body["words"] = [
            _word(word, labels) | parts.channel(segment) | parts.doubt(segment)
            for segment in transcript.speech
            for word in segment_words(segment)
        ]
    if heard is not None:
        body["languages"] = [{"code": heard.code}]
    return body | {"usage": parts.duration_usage(transcript)} | parts.notes(transcript) | parts.repetitions(transcript)


def _segment(segment: Segment, labels: SpeakerLabels, temperature: float) -> parts.JsonObject:
    spelled = segment.text.encode()
    told: parts.JsonObject = {
        "id": segment.index,
        "seek": 0,
        "start": parts.seconds(segment.start),
        "end": parts.seconds(segment.end),
        "text": segment.text,
        "tokens": list(segment.tokens),
        "temperature": temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": round(len(spelled) / len(zlib.compress(spelled)), 3),
        "no_speech_prob": 0.0 if segment.is_speech else 1.0,
        "speaker": labels.letter(segment.speaker) if segment.is_spoken else None,
    }
    return told | parts.channel(segment) | parts.doubt(segment)


def _word(word: Word, labels: SpeakerLabels) -> parts.JsonObject:
    return {
        "word": word.word,
        "start": parts.seconds(word.start),
        "end": parts.seconds(word.end),
        "speaker": labels.letter(word.speaker),
    }
