"""How many copies make a loop. Few where nobody can have said them in their time, many where only their number tells.

The numbers are between those that people reach (drills, chants, songs, prayers and laughter of up to 16 copies) and
those that a model which has lost the thread reaches in seconds. ``python -m bench.loops --score`` shows what they do.
"""

from __future__ import annotations

from typing import NamedTuple


class Need(NamedTuple):
    """Copies that make a loop of one kind.

    Attributes:
        unaided: at a speed that people speak at.
        fewest: where nobody can have said them.
        natural: load (`speaking_time.load`) up to which the speed says nothing. From there on fewer copies suffice.
    """

    unaided: float
    fewest: float
    natural: float

    def held(self, load: float, fewest: int) -> float:
        """Copies from which on they are held back: a quarter of those needed, and at least ``fewest``."""
        return max(fewest, self.copies(load) / 4)

    def copies(self, load: float) -> float:
        """Copies needed where so much of the time was needed at the least."""
        haste = min(max((load - self.natural) / (1 - self.natural), 0.0), 1.0)
        return float(self.unaided ** (1 - haste) * self.fewest**haste)


# Inside a content. Nobody says short words twenty times in a breath; nobody repeats a whole sentence nine times.
CHARACTER = Need(30, 16, 0.5)
NUMBER = Need(24, 16, 0.7)
SYLLABLE = Need(24, 12, 0.5)
WORD = Need(24, 6, 0.5)
PHRASE = Need(19, 6, 0.55)
SENTENCE = Need(9, 6, 0.5)
VARIED = Need(18, 8, 0.6)
COUNTED = Need(75, 10, 0.7)

# Over segments.
SEGMENTS = Need(22, 5, 0.6)
VARIED_SEGMENTS = Need(18, 8, 0.7)
COUNTED_SEGMENTS = Need(75, 10, 0.7)
TAGS = Need(40, 8, 0.6)
MIXED_TAGS = Need(100, 8, 0.6)
EMPTY = Need(10, 8, 0.6)

EVEN, EVEN_VARIED, EVEN_COUNTED = 6, 8, 12
"""Copies whose durations are the same to a hundredth of a second, without a gap: no speaker keeps such time. One who
counts down may."""


def exact_need(unit: str, letters: float) -> Need:
    """For a unit that comes back unchanged, as long as so many Latin ``letters``."""
    if not any(map(str.isalpha, unit)):
        return NUMBER
    if len(unit) == 1:
        return CHARACTER
    if letters < 4:
        return SYLLABLE
    if letters < 12:
        return WORD
    return PHRASE if letters < 30 else SENTENCE
