"""Word and character errors: the fewest edits from what was said to what was told, counted by jiwer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer


@dataclass(frozen=True, slots=True)
class Edits:
    """Errors and what they are a share of; sums of them are those of several recordings.

    Attributes:
        length: words, or characters, of the reference.
        errors: substitutions, deletions and insertions together.
    """

    length: int
    errors: int
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def rate(self) -> float | None:
        """Of errors; None where nothing was said, of which there is no share."""
        return self.errors / self.length if self.length else None


def word_edits(reference: Sequence[str], told: Sequence[str]) -> Edits:
    """Between two rows of words without spaces in them."""
    found = jiwer.process_words(" ".join(reference), " ".join(told))
    return _edits(found, len(reference))


def character_edits(reference: str, told: str) -> Edits:
    """Between two texts, each space a character too."""
    return _edits(jiwer.process_characters(reference, told), len(reference))


def _edits(found: jiwer.WordOutput | jiwer.CharacterOutput, length: int) -> Edits:
    errors = found.substitutions + found.deletions + found.insertions
    return Edits(length, errors, found.substitutions, found.deletions, found.insertions)
