"""Recordings whose words' times are known: put together word by word, with pauses inside of turns or without."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.support import talks
from model.seam.audio import SAMPLE_RATE, Samples
from model.tiny.recipe.examples import number_speakers, segment_entry
from model.tiny.recipe.recordings import Segment
from model.tiny.recipe.scoring import Entry

_PAUSE_AFTER = 0.2
"""Of the words of a turn, behind how many somebody thinks."""
_PAUSE = (0.2, 1.0)
"""Seconds."""
_SECONDS = (8.0, 20.0)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recording.

    Attributes:
        samples: [n], 24 kHz.
        turns: with the times of their words.
        answer: what the model should write.
    """

    samples: Samples
    turns: Sequence[Segment]
    answer: Sequence[Entry]


def spoken(seed: str, count: int, *, pauses: bool) -> list[Spoken]:
    """So many recordings of held-out voices, always the same. ``pauses``: inside of turns too, of 0.2 to 1 s."""
    made = []
    for number in range(count):
        rng = random.Random(f"word times/{seed}/{number}")
        talk = talks.talk(talks.voices(rng.choice((1, 2, 2)), rng), rng.uniform(*_SECONDS), rng, long_gaps=0.0)
        samples, turns = _with_pauses(talk, rng) if pauses else (talk.samples, list(talk.turns))
        numbers = number_speakers(turns)
        made.append(Spoken(samples, turns, [segment_entry(turn, numbers) for turn in turns]))
    return made


def _with_pauses(talk: talks.Talk, rng: random.Random) -> tuple[Samples, list[Segment]]:
    """What is behind some words is said later; what is between is as loud as the softest of the recording."""
    level = _room_level(talk.samples)
    noise = np.random.default_rng(rng.randrange(2**32))
    pieces: list[Samples] = []
    taken, late, turns = 0, 0.0, []
    for turn in talk.turns:
        words = []
        for place, word in enumerate(turn.words):
            words.append(replace(word, start=word.start + late, end=word.end + late))
            if place < len(turn.words) - 1 and rng.random() < _PAUSE_AFTER:
                upto, length = round(word.end * SAMPLE_RATE), round(rng.uniform(*_PAUSE) * SAMPLE_RATE)
                pieces += [talk.samples[taken:upto], level * noise.standard_normal(length, np.float32)]
                taken, late = upto, late + length / SAMPLE_RATE
        turns.append(replace(turn, start=words[0].start, end=words[-1].end, words=tuple(words)))
    return np.concatenate([*pieces, talk.samples[taken:]]), turns


def _room_level(samples: Samples) -> np.float32:
    frames = samples[: samples.size // 480 * 480].reshape(-1, 480)
    return np.float32(np.quantile(np.sqrt(np.mean(np.square(frames), axis=1)), 0.02))
