"""What flite and festival have in common: who speaks, and how what they report becomes an utterance."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Literal, NamedTuple

import numpy as np
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

from .phones import from_arpabet
from .utterance import SAMPLE_RATE, Phone, Spoken, Utterance


@dataclass(frozen=True)
class Speaker:
    """One voice of one program at one pace; `name` is one of that program's VOICES."""

    program: Literal["flite", "festival"]
    name: str
    stretch: float = 1.0  # how much longer each sound lasts than the voice's own pace has it


class Part(NamedTuple):
    """A word as a program says it, in seconds; what is written as one word may be said as several ("x-ray")."""

    text: str
    start: float
    end: float
    token: str  # the same for all that is written as one word


def utterance(
    words: Sequence[str],
    samples: NDArray[np.int16],
    rate: int,
    parts: Sequence[Part],
    ends: Sequence[tuple[str, float]],
) -> Utterance:
    """What a program said of `words`: its samples, its parts, and its sounds in order, each with its end in seconds.

    ValueError where the program said other words than these.
    """
    said = [list(of) for _, of in groupby(parts, attrgetter("token"))]
    if [_letters(word) for word in words] != [_letters(*(part.text for part in of)) for of in said]:
        raise ValueError(f"{' '.join(words)!r} was said as {' '.join(part.text for part in parts)!r}")
    sounds = [
        Phone(symbol, start, end)
        for (_, start), (name, end) in pairwise([("", 0.0), *ends])
        if (symbol := from_arpabet(name)) is not None
    ]
    spoken = [
        Spoken(word, start, end, _within(sounds, start, end))
        for word, of in zip(words, said, strict=True)
        for start, end in [(of[0].start, max(part.end for part in of))]  # festival gives the 's of "today's" no times
    ]
    heard = soxr.resample(np.asarray(samples / 32768, np.float32), rate, SAMPLE_RATE)
    return Utterance(np.asarray(heard, np.float32), tuple(spoken))


def _letters(*texts: str) -> str:
    return re.sub("[^a-z]", "", "".join(texts).lower())


def _within(sounds: Sequence[Phone], start: float, end: float) -> tuple[Phone, ...]:
    """The sounds with their middle in a word, from the word's beginning. The programs share some between no words."""
    inside = [sound for sound in sounds if start < (sound.start + sound.end) / 2 < end]
    return tuple(Phone(symbol, first - start, last - start) for symbol, first, last in inside)
