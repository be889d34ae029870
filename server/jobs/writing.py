"""Segments and transcripts as the tables keep them: everything that a job's formats may ask for.

None of them tells what single words are worth.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from server.recordings.begun import Answered, Standing
from server.transcript.logprobs import TextLogprobs, TokenLogprob, token_logprob
from server.transcript.repeats import LoopFound, LoopOutcome
from server.transcript.repetition import LoopKind
from server.transcript.segments import Segment, Transcript, Usage


@dataclass(frozen=True, slots=True)
class KeptSegment:
    """A closed segment, and the tokens of its text with their log-probabilities where they were asked for."""

    segment: Segment
    logprobs: tuple[TokenLogprob, ...] = ()


def write_segment(kept: KeptSegment) -> str:
    """JSON of one."""
    own = kept.segment.logprobs
    told: dict[str, Any] = asdict(replace(kept.segment, logprobs=None, probabilities=None))
    if own is not None:
        told["logprobs"] = {"tokens": _written(own.tokens), "ends": own.ends}
    return _json({"segment": told, "logprobs": _written(kept.logprobs)})


def read_segment(text: str) -> KeptSegment:
    """What `write_segment` wrote."""
    kept = json.loads(text)
    told = kept["segment"]
    if (own := told["logprobs"]) is not None:
        told["logprobs"] = TextLogprobs(_read(own["tokens"]), tuple(own["ends"]))
    told["pauses"] = tuple((start, end) for start, end in told.get("pauses", ()))
    return KeptSegment(Segment(**told | {"tokens": tuple(told["tokens"])}), _read(kept["logprobs"]))


def write_names(names: Mapping[int, str]) -> str:
    """JSON of speakers' names by number."""
    return _json(names)


def read_names(text: str) -> dict[int, str]:
    """What `write_names` wrote."""
    return {int(number): name for number, name in json.loads(text).items()}


def write_standings(standings: Iterable[Standing]) -> str:
    """JSON of where a transcription stands beside its segments."""
    return _json([asdict(standing) for standing in standings])


def read_standings(text: str) -> list[Standing]:
    """What `write_standings` wrote."""
    return [
        Standing(
            **told
            | {
                "usage": Usage(**told["usage"]),
                "notes": tuple(told["notes"]),
                "loops": tuple(map(_read_loop, told["loops"])),
                "answered": _read_answered(told.get("answered")),
            }
        )
        for told in json.loads(text)
    ]


def write_result(transcript: Transcript) -> str:
    """What a transcript tells beside its segments and the names in them."""
    usage = transcript.usage
    return _json(
        {
            "duration": transcript.duration,
            "complete": transcript.complete,
            "notes": transcript.notes,
            "usage": None if usage is None else asdict(usage),
            "loops": [asdict(loop) for loop in transcript.loops],
            "waveform": transcript.waveform,
        }
    )


def read_transcript(result: str, kept: Sequence[KeptSegment], names: Mapping[int, str], channels: int) -> Transcript:
    """The transcript of these segments. ``result``: what `write_result` wrote."""
    told = json.loads(result)
    return Transcript(
        segments=tuple(each.segment for each in kept),
        duration=told["duration"],
        complete=told["complete"],
        logprobs=tuple(token for each in kept for token in each.logprobs),
        usage=None if told["usage"] is None else Usage(**told["usage"]),
        notes=tuple(told["notes"]),
        speaker_names=dict(names),
        channels=channels,
        loops=tuple(map(_read_loop, told.get("loops", ()))),
        waveform=tuple(told.get("waveform", ())),
    )


def _read_answered(told: Mapping[str, Any] | None) -> Answered:
    """Of an older server nothing: what it told is gone on with in a window of its own."""
    return Answered() if told is None else Answered(tuple(told["tokens"]), told["segments"])


def _read_loop(told: dict[str, Any]) -> LoopFound:
    return LoopFound(**told | {"kind": LoopKind(told["kind"]), "outcome": LoopOutcome(told["outcome"])})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _written(tokens: Sequence[TokenLogprob]) -> list[object]:
    """Without the text, which the bytes say too."""
    return [[list(token.bytes), token.logprob] for token in tokens]


def _read(tokens: Sequence[tuple[list[int], float]]) -> tuple[TokenLogprob, ...]:
    return tuple(token_logprob(bytes(spelled), logprob) for spelled, logprob in tokens)
