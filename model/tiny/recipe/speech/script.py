"""What each voice is given to say: the whole vocabulary in short lists, the phrases, and some sentences."""
# ruff: noqa: S311 - chance here is for variety, not for secrets

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..vocabulary import LETTERS, PHRASES, WORDS, sentence
from .utterance import Utterance

_LIST, _LETTERS = 8, 7
_PHRASES, _SENTENCES = 12, 16
_SPEEDS = 0.85, 1.2


@dataclass(frozen=True)
class Line:
    """Words to be said in one go: a list with pauses, whose words are used alone, or a sentence."""

    words: tuple[str, ...]
    listed: bool
    speed: float

    @property
    def separator(self) -> str:
        """What stands between the words."""
        return ", " if self.listed else " "


def script(voice: str) -> list[Line]:
    """The lines of a voice, the same for a name every time."""
    rng = random.Random(voice)
    words = [word for word in WORDS if word not in LETTERS]
    lines: list[Line] = []
    for among, size in ((words, _LIST), ([*LETTERS, "I"], _LETTERS)):
        rng.shuffle(among)
        lists = (among[first : first + size] for first in range(0, len(among), size))
        lines += [Line(tuple(one), True, rng.uniform(*_SPEEDS)) for one in lists]
    lines += [Line(tuple(phrase), False, rng.uniform(*_SPEEDS)) for phrase in rng.sample(PHRASES, _PHRASES)]
    while len(lines) < len(words) / _LIST + _PHRASES + _SENTENCES:
        said = sentence(rng, plain=True)
        if len(said) > 2:
            lines.append(Line(tuple(said), False, rng.uniform(*_SPEEDS)))
    return lines


def file_of(folder: Path, speaker: str, number: int, *, listed: bool) -> Path:
    """Where an utterance of a speaker is kept."""
    return folder / f"{speaker}-{number:03d}.{'list' if listed else 'sentence'}.npz"


def said_by(folder: Path, speaker: str) -> Iterator[Utterance]:
    """What was made of a speaker: the words of lists one by one, sentences whole; at a common loudness."""
    for path in sorted(folder.glob(f"{speaker}-*.*.npz")):
        said = Utterance.load(path)
        alone = path.name.endswith(".list.npz")
        parts = [(n, n + 1) for n in range(len(said.words))] if alone else [(0, len(said.words))]
        for first, last in parts:
            yield said.part(first, last)
