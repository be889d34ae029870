"""The text of a session: when the model is asked, and what of its hypotheses is final."""

from __future__ import annotations

from typing import Final

from model.seam.audio import Level
from server.live.captions.sounds import Sounds, among
from server.live.captions.stability import Stabilizer
from server.live.captions.word_gaps import WordGaps
from server.live.vocabulary.events import LiveEvent, SegmentCommitted
from server.live.vocabulary.resumption import Said, TextPlace, Voice, Voices
from server.transcript.words import ends_sentence
from server.windows.block import Block
from server.windows.known import Known
from server.windows.sequence import WindowSequence
from server.windows.voices import VoiceSample

_BREATH: Final = 0.15
"""Seconds without speech in which no word is going on."""


class Captions:
    """One session's. All methods are for one task; those that are awaited raise what ``windows`` does.

    Args:
        windows: of the session, without audio so far.
        update: seconds of new speech that are waited for before the model is asked again.
        first_speech: the same before it is asked about a window that is not open yet.
        settle: seconds by which a segment ends before the audio does to be final when it stands still.
    """

    def __init__(self, windows: WindowSequence, *, update: float, first_speech: float, settle: float) -> None:
        self._windows = windows
        self._update, self._first_speech = update, first_speech
        self._stabilizer = Stabilizer(settle)
        self._sounds = Sounds(settle)
        self._gaps = WordGaps()
        self._tells_sounds = False
        self._speech = 0.0  # since the last update
        self._unsettled = False  # somebody spoke since all was committed
        self._last_text = ""  # of the last segment that the model heard
        self._quiet = 0.0  # seconds since somebody spoke last
        self._last_speaker: int | None = None  # of the last segment that was closed

    @property
    def due(self) -> bool:
        """Enough was said for the model to be asked again."""
        enough = self._update if self._windows.open else self._first_speech
        return self._speech >= enough and not self._windows.catching_up

    @property
    def finished(self) -> bool:
        """What was heard last reads as the end of a sentence."""
        return ends_sentence(self._last_text)

    def set_adapter(self, adapter: str | None) -> None:
        """With which the model hears from the next window on."""
        self._windows.adapter = adapter

    def set_context(self, context: str | None) -> None:
        """Hotwords or background text for the prompt, from the next window on."""
        self._windows.context = context

    def set_logprobs(self, wanted: bool) -> None:
        """Tell log-probabilities with committed words from the next answer on, or not."""
        self._windows.logprobs = wanted

    def set_sounds(self, wanted: bool) -> None:
        """Tell sounds from the next answer on, or not."""
        self._tells_sounds = wanted

    def place(self) -> TextPlace:
        """Where the text stands, behind the events that were returned last."""
        known = self._windows.known
        said = self._stabilizer.open
        return TextPlace(
            heard=known.pieces,
            fills=known.fills,
            closed=tuple((Said.of(segment), source) for segment, source in known.closed),
            introduced=tuple(sorted(known.introduced)),
            level=None if known.level is None else (known.level.gain, known.level.divisor),
            closed_until=self._windows.closed_until,
            segments=self._stabilizer.segments,
            open=None if said is None else Said.of(said),
            words_end=self._stabilizer.words_end,
            sounds_until=self._sounds.until,
        )

    @property
    def voices(self) -> Voices:
        """By which the speakers are known again."""
        samples = self._windows.voices
        return tuple(Voice(one.speaker, one.text, one.block.start, one.block.samples) for one in samples)

    def resume(self, place: TextPlace, voices: Voices) -> None:
        """Go on there. Before any audio."""
        samples = [VoiceSample(one.speaker, one.text, Block(one.start, one.samples)) for one in voices]
        known = Known(
            place.heard,
            place.fills,
            tuple((said.segment, source) for said, source in place.closed),
            frozenset(place.introduced),
            None if place.level is None else Level(*place.level),
        )
        self._windows.resume(samples, known, place.closed_until)
        said = None if place.open is None else place.open.segment
        self._stabilizer.resume(place.segments, said, place.words_end)
        self._windows.going_on = None if said is None else said.speaker
        self._sounds.until = place.sounds_until

    async def take(self, block: Block, speech: float) -> list[LiveEvent]:
        """More audio, in which somebody speaks for ``speech`` seconds. Asks the model only where its window is full."""
        self._unsettled |= speech > 0
        self._gaps.take(block)
        events: list[LiveEvent] = []
        if not self._windows.fits(block):
            events = await self._roll()
        elif self._quiet >= _BREATH and self._windows.nearly_full:
            events = await self._roll(needed=False)
        self._quiet = 0.0 if speech else self._quiet + block.seconds
        self._speech += speech
        await self._windows.append(block)
        return events

    async def update(self, *, final: bool = False) -> list[LiveEvent]:
        """Ask the model. ``final``: all that it says is committed."""
        self._speech = 0.0
        hypothesis = await self._windows.ask(whole=final)
        if hypothesis:
            self._last_text = hypothesis[-1].text
        heard, certain = self._windows.heard_until, self._windows.certain
        events = self._stabilizer.update(hypothesis, heard, final=final, certain=certain)
        events = self._gaps.add_to(events)
        for event in events:
            if isinstance(event, SegmentCommitted):
                self._windows.close_segment(event.segment)
                self._last_speaker = event.segment.speaker
        if self._tells_sounds:
            windows = self._windows
            sounds = self._sounds.update(
                windows.sounds, windows.heard_until, closed_until=windows.closed_until, final=final
            )
            events = among(events, sounds)
        return events

    async def look(self) -> list[LiveEvent]:
        """Ask about everything taken so far, and commit no more than after any update: somebody pauses."""
        known = self._windows.empty or self._windows.catching_up or not self._unsettled
        return [] if known else await self.update()

    async def settle(self, *, asked: bool = True) -> list[LiveEvent]:
        """Commit everything taken so far. ``asked``: somebody waits for it, and it is not only quiet."""
        if self._windows.catching_up:
            if not asked:
                return []
            self._windows.catch_up()
        if self._windows.empty:
            return self._gaps.add_to(self._stabilizer.close())
        if self._unsettled or self._stabilizer.open or self._stabilizer.pending:
            self._unsettled = False
            return await self.update(final=True)
        return []

    def discard(self) -> list[LiveEvent]:
        """Forget the audio that is not committed."""
        self.close()
        self._speech = 0.0
        self._unsettled = False
        self._stabilizer.forget()
        self._sounds.forget()
        events = self._gaps.add_to(self._stabilizer.close())
        self._gaps.forget()
        return events

    def close(self) -> None:
        """Give the device's memory back until somebody speaks again; what is not settled is lost. May be repeated."""
        self._windows.close()

    async def _roll(self, *, needed: bool = True) -> list[LiveEvent]:
        """Make room: what the full window says is final as far as the next one must begin behind it.

        Not ``needed`` yet: only where all that the window has now would have to be final then.
        """
        self._windows.catch_up()
        events = await self.update()
        if self._windows.crowded:
            events += await self.update(final=True)
            self._windows.going_on = self._last_speaker
        elif needed:
            said = self._stabilizer.open
            self._windows.going_on = None if said is None else said.speaker
        else:
            return events
        await self._windows.roll()
        return events
