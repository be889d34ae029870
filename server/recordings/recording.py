"""What a file is: the facts that stay, and the samples, which only pass through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.audio_in.kept_samples import slices

_BLOCK = 10 * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Recording:
    """What is known of a file.

    Attributes:
        seconds: how long its sound lasts; as long as not all of it was read, what it says of that itself.
        notes: what was wrong with it, as far as it was read, and what of it is not heard, for the client.
        channels: how many it has, where each is heard for itself; None where they were mixed.
        lead: seconds by which its sound begins later than its picture or its container. They are added to all times
            instead of silence to the sound: what the model hears, says and costs is the same with and without.
    """

    seconds: float
    notes: tuple[str, ...] = ()
    channels: int | None = None
    lead: float = 0.0


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
        for block in slices(part.samples, _BLOCK):
            yield block if part.level == Level() else part.level.apply(block)
