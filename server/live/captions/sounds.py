"""Which sounds of changing hypotheses are certain enough to be told for good.

A sound is told once: when two updates in a row had it and it ended early enough, when something that was said behind it
is closed (no later answer is about what lies before), or when everything is to be final.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.live.vocabulary.events import LiveEvent, SoundHeard, WordsCommitted
from server.transcript.segments import Segment

_SHORTEST = 0.1
"""Seconds: a sound without any length was written and not heard."""
_MOVED = 0.5
"""Seconds by which a sound may begin elsewhere in another answer, and is the same."""


class Sounds:
    """Of one session. Pure: no clock, no audio. Times: seconds of the session.

    Args:
        settle: seconds by which a sound ends before the audio does to be final when it stands still.

    Attributes:
        until: where the last sound ends that was told.
    """

    def __init__(self, settle: float) -> None:
        self.until = 0.0
        self._settle = settle
        self._before: list[Segment] = []  # in the last hypothesis, not told

    def update(
        self, hypothesis: Sequence[Segment], heard: float, *, closed_until: float, final: bool = False
    ) -> list[SoundHeard]:
        """Take the sounds that the model now hears behind what was closed before. Returns what is certain, in order.

        Args:
            hypothesis: without speech.
            heard: end of the audio that it is about.
            closed_until: where the last segment ends that is closed now.
            final: all of them are.
        """
        told: list[SoundHeard] = []
        waiting: list[Segment] = []
        for sound in hypothesis:
            start = max(sound.start, self.until)
            if sound.end - start < _SHORTEST:
                continue
            stands = sound.end <= heard - self._settle and any(_same(sound, other) for other in self._before)
            if final or stands or sound.start < closed_until:
                self.until = sound.end
                told.append(SoundHeard(start, sound.end, sound.text))
            else:
                waiting.append(sound)
        self._before = waiting
        return told

    def forget(self) -> None:
        """The next hypothesis has nothing to do with the last one."""
        self._before = []


def _same(one: Segment, other: Segment) -> bool:
    return one.text == other.text and abs(one.start - other.start) <= _MOVED


def among(events: Sequence[LiveEvent], sounds: Sequence[SoundHeard]) -> list[LiveEvent]:
    """The ``events`` of an update, each sound in front of the first words that were said behind its beginning.

    The last of ``events`` is the hypothesis: it stays the last.
    """
    waiting = list(sounds)
    told: list[LiveEvent] = []
    for event in events[:-1]:
        while waiting and isinstance(event, WordsCommitted) and waiting[0].start <= event.words[0].start:
            told.append(waiting.pop(0))
        told.append(event)
    return [*told, *waiting, *events[-1:]]
