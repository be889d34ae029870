"""A piece of long audio that knows where it belongs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from model.seam.audio import SAMPLE_RATE, Samples


@dataclass(frozen=True, slots=True)
class Block:
    """``samples`` ([n], mono, 24 kHz) of a recording or session, from its sample number ``start`` on."""

    start: int
    samples: Samples

    @property
    def end(self) -> int:
        """The number of the sample behind the last."""
        return self.start + self.samples.size

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.samples.size / SAMPLE_RATE

    def before(self, last: int) -> Block:
        """The part in front of sample number ``last``."""
        return Block(self.start, self.samples[: max(0, last - self.start)])

    def behind(self, first: int) -> Block:
        """The part from sample number ``first`` on."""
        skipped = max(0, first - self.start)
        return Block(self.start + skipped, self.samples[skipped:])


def joined(blocks: Iterable[Block]) -> Block:
    """At least one block, each right behind the one before, as one."""
    first, *others = blocks
    if not others:
        return first
    return Block(first.start, np.concatenate([first.samples, *(block.samples for block in others)]))


def total_seconds(blocks: Iterable[Block]) -> float:
    """The length of all of them."""
    return sum(block.seconds for block in blocks)
