"""The text of a session: windows that follow each other, updates, and what of their hypotheses is final."""

from __future__ import annotations

from server.engine.client.engine import Engine
from server.live.captions.stability import Stabilizer
from server.live.ears.gate import Passed
from server.live.settings import LiveSettings
from server.live.vocabulary.events import LiveEvent, SegmentClosed
from server.transcript.detokenizer import Vocabulary
from server.windows.voices import Voices
from server.windows.window import Block, Window, WindowFactory, open_window

_VOICES_SHARE = 0.4
_KEPT_SHARE = 0.5
"""Of a window: for voices put in front of it, and for audio taken over from the window before."""


class Captions:
    """One session's. All methods are for one task and raise EngineError when the engine fails on the session.

    Attributes:
        context: hotwords or background text, for the next window.
    """

    def __init__(
        self,
        engine: Engine,
        vocabulary: Vocabulary,
        settings: LiveSettings,
        *,
        request_id: str,
        context: str | None,
        make_window: WindowFactory = Window,
    ) -> None:
        self.context = context
        self._engine = engine
        self._vocabulary = vocabulary
        self._settings = settings
        self._request_id = request_id
        self._make_window = make_window
        self._stabilizer = Stabilizer(settings.settle)
        self._voices = Voices()
        self._window: Window | None = None
        self._waiting: list[Block] = []  # for the first window, or the next after a rest
        self._spoken = 0.0  # since the last update
        self._unsettled = False  # somebody spoke since all was committed
        self._closed_until = 0.0

    @property
    def due(self) -> bool:
        """Enough was said for the model to be asked again."""
        return self._spoken >= (self._settings.update if self._window else self._settings.first_speech)

    async def take(self, passed: Passed) -> list[LiveEvent]:
        """More audio. Asks the model only where its window is full."""
        self._spoken += passed.spoken
        self._unsettled |= passed.spoken > 0
        if self._window is None:
            self._waiting.append(passed.block)
            full = sum(block.seconds for block in self._waiting) >= self._settings.window * _KEPT_SHARE
            return await self.update() if full else []
        events: list[LiveEvent] = []
        if self._window.seconds + passed.block.seconds > self._settings.window:
            events = await self._roll()
            self._spoken = passed.spoken  # the new window is yet to be asked about it
        await self._window.append(passed.block)
        return events

    async def update(self, *, final: bool = False) -> list[LiveEvent]:
        """Ask the model. ``final``: all that it says is committed."""
        window = await self._present_window()
        self._spoken = 0.0
        events = self._stabilizer.update(await window.ask(whole=final), window.heard_until, final=final)
        self._note(window, events)
        return events

    async def settle(self) -> list[LiveEvent]:
        """Commit everything taken so far."""
        if self._window is None and not self._waiting:
            return self._stabilizer.close()
        if self._unsettled or self._stabilizer.open or self._stabilizer.pending:
            self._unsettled = False
            return await self.update(final=True)
        return []

    async def release(self) -> None:
        """Give the device's memory back until somebody speaks again. After ``settle``."""
        await self.close()
        self._waiting.clear()

    async def discard(self) -> list[LiveEvent]:
        """Forget the audio that is not committed."""
        await self.release()
        self._spoken = 0.0
        self._unsettled = False
        self._stabilizer.forget()
        return self._stabilizer.close()

    async def close(self) -> None:
        """End what runs in the engine. Harmless when repeated."""
        if self._window is not None:
            await self._window.close()
            self._window = None

    # ---------------------------------------------------------------------------------------------------- windows

    async def _present_window(self) -> Window:
        if self._window is None:
            self._window = await self._opened(self._waiting)
            self._waiting = []
        return self._window

    async def _opened(self, blocks: list[Block]) -> Window:
        return await open_window(
            self._engine,
            self._vocabulary,
            context=self.context,
            seconds=self._settings.window + 1.0,  # a last block and the frame that is filled up
            request_id=self._request_id,
            voices=self._voices.chosen(self._settings.window * _VOICES_SHARE),
            blocks=blocks,
            make=self._make_window,
        )

    async def _roll(self) -> list[LiveEvent]:
        """Go on in a new window with the audio whose text is not closed, and a few words of everybody heard so far."""
        window = await self._present_window()
        events = await self.update()
        kept = window.audio_from(self._closed_until)
        if sum(block.seconds for block in kept) > self._settings.window * _KEPT_SHARE:
            events += await self.update(final=True)
            kept = window.audio_from(self._closed_until)
        if sum(block.seconds for block in kept) > self._settings.window * _KEPT_SHARE:
            kept = []  # half a window in which the model hears nothing
        await window.close()
        self._window = await self._opened(kept)
        return events

    def _note(self, window: Window, events: list[LiveEvent]) -> None:
        """Tell the window what was closed, and remember voices."""
        for event in events:
            if isinstance(event, SegmentClosed):
                window.close_segment(event.segment)
                self._voices.offer(window.voice(event.segment))
                self._closed_until = max(self._closed_until, event.segment.end)
