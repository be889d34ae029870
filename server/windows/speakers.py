"""Everybody who was heard so far in a recording or session: who stands in front of windows, and who their numbers are.

Files and live sessions roll from window to window by this: a window is introduced to those heard before, who have its
first numbers; whoever has another one is somebody new, or one of them whom the model did not recognise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from itertools import count

from model.seam.audio import SAMPLE_RATE, Samples
from server.voices.encoder import VoiceEncoder
from server.windows.voices import Voices

_LEAST, _CLEAR = 0.4, 1.5
"""Seconds of which a voice can be told, and be told well."""
_MOST_HEARD = 10 * SAMPLE_RATE
"""Samples of which an encoder makes anything."""

Clip = Callable[[], Awaitable[Samples]]
"""Something said, at the level at which voices are told; read only where it is wanted."""


class Speakers:
    """Of one channel of a recording or session.

    Args:
        encoder: tells voices apart, where there is one.
        named: numbers of speakers who are known from elsewhere, and stand in front of every window.
        live: answers change, and another session may go on with what they say: where nobody is introduced numbers are
            the model's, and not in the order in which people come.

    Attributes:
        voices: of the others.
    """

    def __init__(self, encoder: VoiceEncoder | None = None, named: Iterable[int] = (), *, live: bool = False) -> None:
        self.voices = Voices(encoder)
        self._encoder = encoder
        self._live = live
        self._told = set(named)

    def note(self, speaker: int) -> None:
        """Something was told of this one."""
        self._told.add(speaker)

    def free(self, taken: Iterable[int], wish: int | None = None) -> int:
        """The number of somebody who was not heard before, as far as anybody can tell, beside those ``taken``.

        ``wish`` if it is free, else the lowest that is.
        """
        used = self._told.union(taken)
        return wish if wish is not None and wish not in used else next(n for n in count() if n not in used)

    def all_of(self, introduced: Sequence[int]) -> bool:
        """Everybody who was heard so far is ``introduced``, or is one of them."""
        return len(self._told) - len(self.voices.doubles) <= len(introduced)

    async def of(self, clip: Clip, beside: Container[int]) -> int | None:
        """Whose voice this is, of those who were heard before the window; named speakers aside.

        A short clip has to be surely his, and so has whatever the model tells from somebody who spoke ``beside`` it.
        """
        if self._encoder is None:
            return None
        samples = (await clip())[-_MOST_HEARD:]
        if samples.size < _LEAST * SAMPLE_RATE:
            return None
        (vector,) = await self._encoder.vectors([samples])
        found = self.voices.speaker_of(vector, sure=samples.size < _CLEAR * SAMPLE_RATE)
        return self.voices.speaker_of(vector, sure=True) if found is not None and found in beside else found

    def numbers(self, introduced: Sequence[int], going_on: int | None = None) -> WindowNumbers:
        """For a window with these in front. ``going_on``: who speaks where it begins, where that is known."""
        return WindowNumbers(self, introduced, going_on, as_written=self._live and not introduced)


class WindowNumbers:
    """The recording's or session's numbers for one window's: those introduced have the first, in order.

    Attributes:
        doubtful: who may be somebody of whom nothing could be put in front.
    """

    def __init__(
        self, speakers: Speakers, introduced: Sequence[int], going_on: int | None = None, *, as_written: bool
    ) -> None:
        self.doubtful: list[int] = []
        self._speakers = speakers
        self._numbers = dict(enumerate(introduced))
        self._front = len(introduced)
        self._going_on = going_on
        self._as_written = as_written
        self._missing = not speakers.all_of(introduced)
        self._spoken = set[int]()  # by their own numbers, in this window

    async def heard(self, number: int, clip: Clip) -> int:
        """Who has this ``number`` of the window, and said ``clip``. It stays his.

        A number that the window had nobody for may be somebody all the same whom the model did not recognise.
        """
        if number not in self._numbers and self._front:
            found = await self._speakers.of(clip, self._spoken)
            if found is not None:
                self._numbers[number] = found
        return self.of(number)

    def begins(self, number: int) -> None:
        """Who is heard first has this ``number``: whoever went on speaking, if nobody introduced him."""
        speaker = self._going_on
        if speaker is not None and number not in self._numbers and speaker not in self._numbers.values():
            self._numbers[number] = speaker

    def of(self, number: int) -> int:
        """Who has this ``number`` of the window, as the model has it."""
        if number not in self._numbers:
            wish = number if self._as_written else None
            self._numbers[number] = self._speakers.free(self._numbers.values(), wish)
            if self._missing:
                self.doubtful.append(self._numbers[number])
        self._spoken.add(self._numbers[number])
        return self._numbers[number]

    def back(self, speaker: int) -> int:
        """The window's number of one of whom it is known: the next where nobody introduced him."""
        found = next((number for number, known in self._numbers.items() if known == speaker), None)
        if found is None:
            free = self._as_written and speaker not in self._numbers
            found = speaker if free else max(self._numbers, default=-1) + 1
            self._numbers[found] = speaker
            if self._missing:
                self.doubtful.append(speaker)
        self._spoken.add(speaker)
        return found

    def keep(self, said: Container[int]) -> None:
        """Of the numbers that nobody was introduced with only these are ``said`` now: what the others were is open."""
        for number in [number for number in self._numbers if number >= self._front and number not in said]:
            self._spoken.discard(self._numbers.pop(number))
