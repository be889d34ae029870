"""Parts that several JSON formats and the event stream share."""

from __future__ import annotations

from collections.abc import Iterable

from server.transcript.labels import SpeakerLabels
from server.transcript.language import spoken_language
from server.transcript.logprobs import TokenLogprob
from server.transcript.segments import Segment, Transcript
from server.transcript.turns import Turn

JsonObject = dict[str, object]


def seconds(time: float) -> float:
    """A time to the millisecond, without the digits that float arithmetic leaves behind."""
    return round(time, 3)


def logprobs(tokens: Iterable[TokenLogprob]) -> list[JsonObject]:
    """OpenAI's ``logprobs`` array."""
    return [{"token": token.token, "bytes": list(token.bytes), "logprob": token.logprob} for token in tokens]


def duration_usage(transcript: Transcript) -> JsonObject:
    """OpenAI's ``usage`` by audio length."""
    return {"type": "duration", "seconds": seconds(transcript.duration)}


def usage(transcript: Transcript) -> JsonObject:
    """OpenAI's ``usage`` by tokens, or by audio length where the tokens are not known."""
    spent = transcript.usage
    if spent is None:
        return duration_usage(transcript)
    prompt = spent.audio_tokens + spent.text_tokens
    return {
        "type": "tokens",
        "input_tokens": prompt,
        "output_tokens": spent.answer_tokens,
        "total_tokens": prompt + spent.answer_tokens,
        "input_token_details": {"audio_tokens": spent.audio_tokens, "text_tokens": spent.text_tokens},
    }


def languages(text: str) -> JsonObject:
    """OpenAI's ``languages``, the one that was spoken; nothing where that is not certain."""
    code = spoken_language(text)
    return {} if code is None else {"languages": [{"code": code}]}


def notes(transcript: Transcript) -> JsonObject:
    """What every JSON format adds to OpenAI's fields when there is something to say, e.g. that the answer was cut."""
    cut: JsonObject = {} if transcript.complete else {"complete": False}
    return cut | ({"notes": list(transcript.notes)} if transcript.notes else {})


def repetitions(transcript: Transcript) -> JsonObject:
    """Where the model repeated itself, of which kind that was and what was done about it; nothing where it did not."""
    found = [
        {"start": seconds(loop.start), "end": seconds(loop.end), "kind": loop.kind.value, "outcome": loop.outcome.value}
        | ({} if loop.channel is None else {"channel": loop.channel})
        for loop in transcript.loops
    ]
    return {"repetitions": found} if found else {}


def waveform(transcript: Transcript) -> JsonObject:
    """How loud the recording is from place to place, in dBFS; nothing where that is not known."""
    return {"waveform": list(transcript.waveform)} if transcript.waveform else {}


def segment_id(index: int) -> str:
    """The name of a segment in ``diarized_json`` and in the events."""
    return f"seg_{index}"


def channel(segment: Segment | Turn) -> JsonObject:
    """What segments and words add where each channel was transcribed for itself: its number, from 0."""
    return {} if segment.channel is None else {"channel": segment.channel}


def doubt(segment: Segment | Turn) -> JsonObject:
    """What segments and words add where nothing told whether their speaker is one of those before."""
    return {"speaker_in_doubt": True} if segment.doubtful else {}


def diarized_segment(segment: Segment, labels: SpeakerLabels) -> JsonObject:
    """OpenAI's diarized segment, which is also the event ``transcript.text.segment``. Nobody speaks a sound."""
    told: JsonObject = {
        "type": "transcript.text.segment",
        "id": segment_id(segment.index),
        "start": seconds(segment.start),
        "end": seconds(segment.end),
        "text": segment.text,
        "speaker": labels.letter(segment.speaker) if segment.is_spoken else "",
    }
    return told | channel(segment) | doubt(segment)
