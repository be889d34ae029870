"""Where nobody says a word inside of the segments of a session: found in the audio that its captions are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from model.seam.audio import SAMPLE_RATE
from server.live.vocabulary.events import LiveEvent, SegmentCommitted
from server.speech.pauses import Pauses
from server.windows.block import Block, joined

_KEPT: Final = 10.0
"""Seconds in front of what was closed last: segments overlap."""

_OVERLAP: Final = SAMPLE_RATE // 25
"""Samples that are heard again with what comes next: no frame of `Pauses` is lost where two stretches meet."""


class WordGaps:
    """One session's, by the rule that recordings have. How loud it was is looked at when the model was asked, once for
    all that came since: audio comes in pieces of some hundredths of a second, and each would cost as much.
    """

    def __init__(self) -> None:
        self._pauses = Pauses()
        self._new: list[Block] = []

    def take(self, block: Block) -> None:
        """The next audio. Its samples are held until `add_to`, and not copied here."""
        self._new.append(block)

    def add_to(self, events: Iterable[LiveEvent]) -> list[LiveEvent]:
        """The events, with the pauses in segments that are complete, as far as their audio was taken."""
        self._listen()
        return [self._with_pauses(event) if isinstance(event, SegmentCommitted) else event for event in events]

    def forget(self) -> None:
        """The audio that was not looked at is none of any segment's."""
        self._new.clear()

    def _with_pauses(self, event: SegmentCommitted) -> SegmentCommitted:
        segment = event.segment
        pauses = self._pauses.within(segment.start, segment.end)
        self._pauses.forget(round((segment.start - _KEPT) * SAMPLE_RATE))
        return replace(event, segment=replace(segment, pauses=pauses))

    def _listen(self) -> None:
        run: list[Block] = []
        for block in self._new:
            if run and run[-1].end != block.start:
                self._hear(run)
                run = []
            run.append(block)
        if run:
            whole = self._hear(run)
            self._new = [whole.behind(whole.end - _OVERLAP)]

    def _hear(self, run: list[Block]) -> Block:
        whole = joined(run)
        self._pauses.hear(whole.start, whole.samples)
        return whole
