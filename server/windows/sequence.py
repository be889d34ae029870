"""Long audio as the model hears it: windows that follow each other, each with what is needed of those before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from model.seam.audio import SAMPLE_RATE
from model.seam.streams import Priority
from server.engine.client.engine import Engine
from server.transcript.detokenizer import Vocabulary
from server.transcript.segments import Segment
from server.windows.beginnings import Beginnings
from server.windows.block import Block, total_seconds
from server.windows.known import Known, pieces_of
from server.windows.opening import open_window
from server.windows.speakers import Speakers
from server.windows.voices import VoiceSample
from server.windows.window import Window

_VOICES_SHARE = 0.4
_KEPT_SHARE = 0.5
_NEARLY_SHARE = 0.8
"""Of a window: for voices put in front of it, for audio taken over from the window before, and from where on a pause is
looked for."""
SPARE_SECONDS: Final = 1.0
"""Of a stream that no window is meant to have: for the frame that is filled up."""


class WindowSequence:
    """The windows of one recording or session. Times: its seconds. One task at a time uses it.

    Audio is appended while it ``fits``. Where it does not, its owner asks, closes the segments that are final and rolls
    over: the next window begins with the audio behind them, and in front of it with a few words of everybody heard so
    far, so that speakers keep their numbers.

    Methods that are awaited raise EngineError when the engine fails on it, and EngineUnavailable where a window is to
    be opened and no worker can be had any more. A worker's death costs time alone: its windows are given to the next.

    Args:
        engine: with a worker that has been ready.
        vocabulary: of its checkpoint.
        seconds: of audio that the model hears at once, voices included.
        request_id: for the logs of the worker.
        context: see below.
        priority: of its streams.
        loop_guard: answers that run in circles are asked for again.

    Attributes:
        context: hotwords or background text for the prompt, from the next window on.
        adapter: with which the model hears, likewise; None: as it is.
        logprobs: segments get those of their tokens, from the next answer on.
        closed_until: where the last closed segment ends.
        going_on: who speaks where the next window begins, where that is known: of him nothing may stand in front of it.
    """

    def __init__(
        self,
        engine: Engine,
        vocabulary: Vocabulary,
        *,
        seconds: float,
        request_id: str,
        context: str | None = None,
        priority: Priority = Priority.LIVE,
        loop_guard: bool = True,
    ) -> None:
        self.context = context
        self.adapter: str | None = None
        self.logprobs = False
        self.closed_until = 0.0
        self.going_on: int | None = None
        self._engine = engine
        self._vocabulary = vocabulary
        self._seconds = seconds
        self._request_id = request_id
        self._priority = priority
        self._loop_guard = loop_guard
        # Nobody is noted: whoever said too little to be put in front is most likely who has the next free number again.
        self._speakers = Speakers(live=True)
        self._beginnings = Beginnings()
        self._window: Window | None = None
        self._waiting: list[Block] = []  # for a window
        self._coming = Known()  # from elsewhere; its audio is still to come

    @property
    def open(self) -> bool:
        """There is a window: the device holds some of the audio."""
        return self._window is not None

    @property
    def empty(self) -> bool:
        """No audio came since the beginning, or since ``close``."""
        return self._window is None and not self._waiting

    @property
    def heard_until(self) -> float:
        """Where the audio ends that the last answer was about, or would be."""
        return self._window.heard_until if self._window else 0.0

    @property
    def sounds(self) -> tuple[Segment, ...]:
        """What the last answer heard that nobody said."""
        return self._window.sounds if self._window else ()

    @property
    def certain(self) -> bool:
        """What the model says once it never says otherwise: it writes by turns with the audio."""
        return self._engine.info is not None and self._engine.info.family.turns is not None

    @property
    def catching_up(self) -> bool:
        """Audio that was heard elsewhere is still to come: nothing can be asked yet."""
        return bool(self._coming.pieces)

    @property
    def voices(self) -> list[VoiceSample]:
        """What the next window would have in front, least recently heard first."""
        return self._speakers.voices.recent(self._seconds * _VOICES_SHARE)

    @property
    def known(self) -> Known:
        """What another one needs to go on here, beside the audio and the voices; without audio, nothing."""
        here = self._window.known if self._window else Known(pieces_of(self._waiting))
        coming = self._coming
        together = Known(
            here.pieces,
            (*here.fills, *coming.fills),
            (*here.closed, *coming.closed),
            here.introduced if self._window else coming.introduced,
            here.level or coming.level,
        )
        return together.shortened(self.closed_until, (voice.speaker for voice in self.voices))

    def resume(self, voices: Iterable[VoiceSample], known: Known, closed_until: float) -> None:
        """Go on where another one was, which heard these ``voices``. Its audio comes first."""
        for voice in voices:
            self._speakers.voices.offer(voice)
        self._coming = known
        self.closed_until = closed_until

    @property
    def crowded(self) -> bool:
        """More audio is not closed than the next window may begin with: rolling over now would lose it."""
        return self._window is not None and total_seconds(self._unclosed(self._window)) > self._room

    @property
    def nearly_full(self) -> bool:
        """It is `crowded`, and has to be rolled over soon: a pause is a better place than the middle of a word."""
        full = self._window is not None and self._window.seconds >= _NEARLY_SHARE * self._seconds
        return full and self.crowded and not self.catching_up

    @property
    def _room(self) -> float:
        return self._seconds * _KEPT_SHARE

    def fits(self, block: Block) -> bool:
        """There is room for this audio before the next roll."""
        return self._window is None or self._window.seconds + block.seconds <= self._seconds

    async def append(self, block: Block) -> None:
        """The next audio.

        The first window, and the next after ``close``, is opened when it is asked about or half full: the level of its
        audio is taken then.
        """
        if self._window is None and self._coming.level is not None:  # it was open elsewhere
            self._window = await self._opened(())
        if self._window is not None:
            await self._feed(self._window, block)
            return
        if block.end >= self._coming.until:
            self._coming = Known()
        self._waiting.append(block)
        if total_seconds(self._waiting) >= self._room:
            await self._present()

    async def ask(self, *, whole: bool = False) -> tuple[Segment, ...]:
        """What the model hears behind the closed segments: speech only, indices mean nothing.

        ``whole``: also in a started last frame, which silence fills up; otherwise it waits for more audio.
        """
        segments = await (await self._present()).ask(whole=whole, logprobs=self.logprobs)
        for segment in segments[-1:]:
            self._beginnings.note(segment)
        return segments

    def close_segment(self, segment: Segment) -> None:
        """This segment is final: answers begin with it from now on, and its speaker's voice is remembered."""
        self.closed_until = max(self.closed_until, segment.end)
        if self._window is not None:
            self._window.close_segment(segment)
            for said in (*self._beginnings.of(segment), segment):
                self._speakers.voices.offer(self._window.voice(said))

    async def roll(self) -> None:
        """Go on in a new window, which begins with the audio behind the closed segments.

        Where that is too much, half a window in which nothing is closed, it is left behind, and the new window is
        opened as the first one was.
        """
        kept = self._unclosed(self._window) if self._window and not self.crowded else []
        self._leave()
        if kept:
            self._window = await self._opened(kept)

    def close(self) -> None:
        """Give the device's memory back and forget the audio; voices stay. Harmless when repeated."""
        self.going_on = None
        self._leave()

    def _leave(self) -> None:
        self._waiting.clear()
        self._coming = Known()
        if self._window is not None:
            self._window.close()
            self._window = None

    def _unclosed(self, window: Window) -> list[Block]:
        return window.audio_from(self.closed_until)

    async def _present(self) -> Window:
        if self._window is None:
            self._window = await self._opened(self._waiting)
            self._waiting = []
        return self._window

    async def _feed(self, window: Window, block: Block) -> None:
        """Append, and do to the window at the same place what was done to another one elsewhere."""
        coming = self._coming
        for at, silence in coming.fills:
            if at <= block.end:
                if (head := block.before(at)).samples.size:
                    await window.append(head)
                await window.fill(silence)
                block = block.behind(at)
        if block.samples.size:
            await window.append(block)
        closed = [pair for pair in coming.closed if round(pair[0].end * SAMPLE_RATE) <= block.end]
        for segment, source in closed:
            window.close_segment(segment, source)
        self._coming = replace(
            coming,
            pieces=coming.pieces if block.end < coming.until else (),
            fills=tuple(fill for fill in coming.fills if fill[0] > block.end),
            closed=coming.closed[len(closed) :],
        )
        if not self.catching_up:
            self.catch_up()

    def catch_up(self) -> None:
        """What was closed elsewhere is closed here too, whether or not all of its audio came."""
        if self._window is not None:
            for segment, source in self._coming.closed:
                self._window.close_segment(segment, source)
        self._coming = Known()

    async def _opened(self, blocks: Sequence[Block]) -> Window:
        """Where it goes on from another one the same people are introduced: nobody says the same twice."""
        voices = self._speakers.voices.chosen(self._seconds * _VOICES_SHARE)
        if self.catching_up:
            voices = [voice for voice in voices if voice.speaker in self._coming.introduced]
        return await open_window(
            self._engine,
            self._vocabulary,
            seconds=self._seconds + SPARE_SECONDS,
            context=self.context,
            priority=self._priority,
            request_id=self._request_id,
            speakers=self._speakers,
            voices=voices,
            going_on=self.going_on,
            blocks=blocks,
            level=self._coming.level,
            loop_guard=self._loop_guard,
            adapter=self.adapter,
        )
