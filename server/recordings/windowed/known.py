"""Known speakers in front of windows: what their clips say is asked once, and forced from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.recordings.windowed.sound import Voice, window_sound
from server.recordings.windowed.window import WindowOpener
from server.transcript.events import SegmentClosed
from server.transcript.segments import UNINTELLIGIBLE, Segment


class KnownClips:
    """Known speakers' clips. The model is asked about them when a first window is heard: where nobody speaks, never.

    Args:
        opener: of the windows.
        clips: at the model's level, by number.

    Attributes:
        voices: of the speakers, whose words are there once they were asked for.
        seconds: of the model, that this took.
    """

    def __init__(self, opener: WindowOpener, clips: Mapping[int, Samples]) -> None:
        self.voices = [Voice(number, "", clip, Level()) for number, clip in clips.items()]
        self.seconds = 0.0
        self._opener = opener
        self._unasked = bool(clips)

    async def ask(self) -> None:
        """What they say, unless it is known. Raises EngineError, EngineUnavailable."""
        if not self._unasked:
            return
        *fronts, last = self.voices
        sound = window_sound(last.samples, Level(), fronts)
        window = self._opener.open_unforced(sound)
        segments: list[Segment] = []
        try:
            async with aclosing(window.events()) as events:
                segments += [event.segment async for event in events if isinstance(event, SegmentClosed)]
        finally:
            window.close()
        spans = [*sound.introductions, (sound.introduced, sound.samples / SAMPLE_RATE)]
        assert window.done is not None
        self.voices = [
            replace(voice, text=_said(segments, *span) or UNINTELLIGIBLE)
            for voice, span in zip(self.voices, spans, strict=True)
        ]
        self.seconds = window.done.total_seconds - window.done.queue_seconds
        self._unasked = False


def _said(segments: Sequence[Segment], start: float, end: float) -> str:
    """What is said in the middle of which between the two."""
    return " ".join(s.text for s in segments if s.is_speech and start <= (s.start + s.end) / 2 <= end)
