"""What the stream of one window gets: voices of those who were heard before, then a stretch of the recording."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.recordings.recording import Part, blocks

_GAP = np.zeros(round(0.3 * SAMPLE_RATE), np.float32)
"""Silence behind each voice."""
_MARKED = 16
"""Of so many samples one tells a stretch from all others well enough."""


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """Something that was said, and its sound: 24 kHz, and the level that it needs.

    Attributes:
        speaker: the recording's number.
        level: None where it is the recording's, wherever it is heard again.
    """

    speaker: int
    text: str
    samples: Samples
    level: Level | None

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.samples.size / SAMPLE_RATE


@dataclass(frozen=True, slots=True, eq=False)
class WindowSound:
    """An `AudioSource` of one window: views of what is there anyway.

    Attributes:
        parts: in order.
        level: that the stream gives to all of them.
        introductions: when each voice begins and ends, in seconds of the window.
        introduced: seconds of voices and gaps.
        samples: of all.
    """

    parts: tuple[Part, ...]
    level: Level
    introductions: tuple[tuple[float, float], ...] = ()
    introduced: float = 0.0
    samples: int = field(default=0)

    def blocks(self) -> Iterator[Samples]:
        """In blocks of at most ten seconds."""
        return blocks(self.parts)

    async def replay(self) -> AsyncGenerator[Samples, None]:
        """See `AudioSource`."""
        for block in blocks(self.parts):
            yield block


def window_sound(stretch: Samples, level: Level, voices: Sequence[Voice]) -> WindowSound:
    """``voices`` in front of ``stretch``, which needs ``level``.

    Where all need the same the stream gives it, as it does to a whole recording; otherwise each is brought to its own.
    """
    same = all(voice.level in (None, level) for voice in voices)
    parts: list[Part] = []
    introductions: list[tuple[float, float]] = []
    at = 0
    for voice in voices:
        introductions.append((at / SAMPLE_RATE, (at + voice.samples.size) / SAMPLE_RATE))
        own = level if voice.level is None else voice.level
        parts += [Part(voice.samples, Level() if same else own), Part(_GAP)]
        at += voice.samples.size + _GAP.size
    parts.append(Part(stretch, Level() if same else level))
    return WindowSound(
        tuple(parts), level if same else Level(), tuple(introductions), at / SAMPLE_RATE, at + stretch.size
    )


def mark_of(stretch: Samples) -> str:
    """Tells ``stretch`` from others; in a thread."""
    return hashlib.sha256(stretch[::_MARKED].tobytes()).hexdigest()
