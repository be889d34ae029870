"""What speakers are called: letters in JSON, ``Speaker 1`` in captions, ``SPEAKER_00`` where only turns are told.

Known speakers are called by their name everywhere.
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterator, Mapping


class SpeakerLabels:
    """Gives out names in the order speakers are first asked for, so a stream and a whole transcript agree.

    Where channels were transcribed for themselves, the first speaker of the first channel is ``A``, that of the second
    ``B``, ..., whoever speaks first.

    Args:
        names: known speakers by number. May be filled until the first question.
        channels: that were transcribed for themselves; 1 where they were mixed.
    """

    def __init__(self, names: Mapping[int, str], channels: int = 1) -> None:
        self._names = names
        self._channels = channels
        self._given: dict[int | None, tuple[str, str, str]] = {}
        self._letters = _letters()

    @property
    def known(self) -> list[int | None]:
        """Who was asked for and has no name of his own, in order: who asks for them again gives out the same."""
        return list(self._given)

    def letter(self, speaker: int | None) -> str:
        """The known name, or ``A``, ``B``, ..., ``Z``, ``AA``, ... None (nobody knows who) counts as one speaker."""
        return self._label(speaker)[0]

    def caption(self, speaker: int | None, *, doubtful: bool = False) -> str:
        """The known name, or ``Speaker 1``, ``Speaker 2``, ...

        ``Speaker 3?`` where nothing told whether it is one of those before: people read captions. Programs compare
        letters and turns' names, so these stay as they are, and JSON says it beside them.
        """
        known = self._names.get(speaker) if speaker is not None else None
        return self._label(speaker)[1] + "?" * (doubtful and known is None)

    def numbered(self, speaker: int | None) -> str:
        """The known name, or ``SPEAKER_00``, ``SPEAKER_01``, ... as tools for diarization count them."""
        return self._label(speaker)[2]

    def _label(self, speaker: int | None) -> tuple[str, str, str]:
        known = self._names.get(speaker) if speaker is not None else None
        if known is not None:
            return known, known, known
        if not self._given and self._channels > 1:
            unnamed = (number for number in itertools.count() if number not in self._names)
            for first in itertools.islice(unnamed, self._channels):
                self._give(first)
        if speaker not in self._given:
            self._give(speaker)
        return self._given[speaker]

    def _give(self, speaker: int | None) -> None:
        taken = set(self._names.values())
        letter = next(letter for letter in self._letters if letter not in taken)
        place = len(self._given)
        self._given[speaker] = letter, f"Speaker {place + 1}", f"SPEAKER_{place:02}"


def _letters() -> Iterator[str]:
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_uppercase, repeat=length):
            yield "".join(letters)
