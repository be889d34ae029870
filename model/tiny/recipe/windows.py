"""What a live server gives the model: a stretch of a conversation, behind a few words of everybody heard before."""

import random
from dataclasses import dataclass, replace

import numpy as np

from .cutting import cut
from .recordings import Recording, Segment
from .speech.utterance import SAMPLE_RATE

_MARGIN, _GAP = 0.05, 0.3
"""Seconds around a voice put in front, and of silence behind it, as in server/windows/window.py."""
_VOICE = 0.6, 6.0
_LONGEST = 22.0
"""Seconds: of a voice put in front, and at most of what follows the voices."""
_LEAD, _SILENCE = (0.4, 0.6), (0.9, 1.3)
"""Seconds that pass before and behind what somebody says, as server/live/ears/gate.py has it, and as far as it errs."""


@dataclass(frozen=True)
class Window:
    """A recording whose answer is begun.

    Attributes:
        forced: so many segments are given.
        sorted: the given segments are in order of their speakers' numbers.
    """

    recording: Recording
    forced: int = 0
    sorted: bool = False


def gated(recording: Recording, rng: random.Random) -> Recording:
    """What a live server lets pass of it: silences are cut short, so that nothing is left to be tagged."""
    spans: list[tuple[float, float]] = []
    for turn in sorted((segment for segment in recording.segments if not segment.tag), key=lambda turn: turn.start):
        start, end = max(0.0, turn.start - rng.uniform(*_LEAD)), turn.end + rng.uniform(*_SILENCE)
        if spans and start <= spans[-1][1]:
            start, end = spans[-1][0], max(end, spans.pop()[1])
        spans.append((start, min(end, recording.seconds)))
    position, pieces, segments = 0.0, [], []
    for piece in (cut(recording, *span) for span in spans):
        pieces.append(piece.samples)
        segments += [_moved(each, position, each.start + position, each.end + position) for each in piece.segments]
        position += piece.seconds
    return Recording(np.concatenate(pieces), segments)


def stretch(recording: Recording, rng: random.Random) -> Window:
    """The whole recording, or what a live stream holds of it at some moment, sometimes with an answer begun."""
    seconds = recording.seconds
    start = rng.uniform(0, 0.5) * seconds if rng.random() < 0.1 else 0.0
    end = rng.uniform(start + 0.1 * (seconds - start), seconds) if rng.random() < 0.35 else seconds
    kept = cut(recording, start, end) if end - start > 0.3 else recording
    begun = len(kept.segments) > 1 and rng.random() < 0.35
    return Window(kept, rng.randint(1, len(kept.segments) - 1) if begun else 0)


def rolled(recording: Recording, rng: random.Random) -> Window | None:
    """A later window of the recording; None where nobody said anything good enough before."""
    turns = [segment for segment in recording.segments if not segment.tag]
    if len(turns) < 3:
        return None
    last = turns[rng.randrange(1, len(turns) - 1)]
    start = last.end + rng.uniform(-0.05, 0.1)
    voices = _voices([segment for segment in turns if segment.end <= last.end], rng)
    if not voices:
        return None
    rest = cut(recording, start, min(recording.seconds, start + rng.uniform(1.5, _LONGEST)))
    pieces, segments = [], []
    position = 0.0
    for voice in voices:
        first, end = (round(at * SAMPLE_RATE) for at in (voice.start - _MARGIN, voice.end + _MARGIN))
        piece = recording.samples[max(first, 0) : end]
        pieces += [piece, np.zeros(round(_GAP * SAMPLE_RATE), np.float32)]
        length = len(piece) / SAMPLE_RATE
        segments.append(_moved(voice, position - voice.start + _MARGIN, position, position + length))
        position += length + _GAP
    known = {voice.voice for voice in voices}
    behind = [_moved(segment, position, segment.start + position, segment.end + position) for segment in rest.segments]
    closed = next((i for i, s in enumerate(behind) if s.voice not in known), len(behind))
    forced = len(voices) + (rng.randint(0, closed) if rng.random() < 0.5 else 0)
    samples = np.concatenate([*pieces, rest.samples])
    return Window(Recording(samples, [*segments, *behind]), forced, sorted=True)


def _voices(turns: list[Segment], rng: random.Random) -> list[Segment]:
    """One good turn of each who spoke."""
    shortest, longest = _VOICE
    good = [turn for turn in turns if turn.complete and shortest <= turn.end - turn.start <= longest]
    who = list(dict.fromkeys(turn.voice for turn in good))
    return [rng.choice([turn for turn in good if turn.voice == voice]) for voice in who]


def _moved(segment: Segment, by: float, start: float, end: float) -> Segment:
    words = tuple(replace(word, start=word.start + by, end=word.end + by) for word in segment.words)
    return replace(segment, start=start, end=end, words=words)
