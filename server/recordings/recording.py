"""What a decoded file is: the facts that stay, and the samples, which only pass through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.transcript.references import ReferenceClip

_BLOCK = 10 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Recording:
    """What the model hears, without the samples.

    Attributes:
        length: of all of it in samples at 24 kHz: clips and gaps, then the recording.
        level: the gain that the samples still need.
        seconds: of the recording alone.
        offset: seconds of clips and gaps before it.
        clips: where in the samples the known speakers talk.
        notes: what was wrong with the file, for the client.
    """

    length: int
    level: Level
    seconds: float
    offset: float = 0.0
    clips: tuple[ReferenceClip, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Samples ([n], 24 kHz), and the level that they are brought to before they leave."""

    samples: Samples
    level: Level = Level()  # noqa: RUF009 - frozen


def blocks(parts: Iterable[Part]) -> Iterator[Samples]:
    """The samples of all parts in order, in blocks of at most ten seconds: views, or copies at their level.

    An hour of audio is 346 MB. ``parts`` should be in nobody else's hands, so that they are gone with the last block.
    """
    for part in parts:
        for start in range(0, part.samples.size, _BLOCK):
            block = part.samples[start : start + _BLOCK]
            yield block if part.level == Level() else part.level.apply(block)
