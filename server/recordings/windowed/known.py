"""Known speakers in front of windows: what their clips say is asked once, and forced from then on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.recordings.windowed.sound import Voice, window_sound
from server.recordings.windowed.window import WindowOpener
from server.transcript.events import SegmentClosed
from server.transcript.segments import UNINTELLIGIBLE, Segment


async def known_voices(opener: WindowOpener, clips: Sequence[tuple[int, Samples]]) -> tuple[list[Voice], float]:
    """Voices of these speakers, by number and clip (at the model's level), and what that took in seconds of the model.

    Raises EngineError, EngineUnavailable.
    """
    if not clips:
        return [], 0.0
    unsaid = [Voice(number, "", clip, Level()) for number, clip in clips]
    *fronts, last = unsaid
    sound = window_sound(last.samples, Level(), fronts)
    window = opener.open_unforced(sound)
    segments: list[Segment] = []
    try:
        async with aclosing(window.events()) as events:
            segments += [event.segment async for event in events if isinstance(event, SegmentClosed)]
    finally:
        window.close()
    spans = [*sound.introductions, (sound.introduced, sound.samples / SAMPLE_RATE)]
    assert window.done is not None
    voices = [
        Voice(voice.speaker, _said(segments, *span) or UNINTELLIGIBLE, voice.samples, voice.level)
        for voice, span in zip(unsaid, spans, strict=True)
    ]
    return voices, window.done.total_seconds - window.done.queue_seconds


def _said(segments: Sequence[Segment], start: float, end: float) -> str:
    """What is said in the middle of which between the two."""
    return " ".join(s.text for s in segments if s.is_speech and start <= (s.start + s.end) / 2 <= end)
