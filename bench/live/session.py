"""Live sessions at wall-clock speed: each hears its recording as if it were spoken now, and its events are logged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from bench.live.engine import settled_stats
from bench.live.material import Recording
from bench.live.metrics import Logged
from bench.live.windows import ObservedWindows
from model.seam.audio import SAMPLE_RATE
from server.engine.client.engine import Engine
from server.live.live_transcriber import LiveTranscriber
from server.live.settings import LiveSettings
from server.live.vocabulary.events import Finished
from server.transcript.detokenizer import Vocabulary

CHUNK = round(0.1 * SAMPLE_RATE)
"""Samples that are sent at once."""
_STAGGER = 0.37
"""Seconds between the starts of two sessions: updates of one second each do not fall together."""


@dataclass(frozen=True, slots=True)
class Session:
    """What happened in one session; times in seconds.

    Attributes:
        log: its events, from the moment on at which the first sample was spoken.
        to_final: from the end of its audio to the last event.
        backlog: at each answer of the model, how far the audio that it answers was behind what had been spoken.
    """

    recording: Recording
    log: tuple[Logged, ...]
    to_final: float
    backlog: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """Sessions that ran beside each other, and how long the device worked for them."""

    sessions: tuple[Session, ...]
    device_seconds: float

    @property
    def audio_seconds(self) -> float:
        return sum(session.recording.seconds for session in self.sessions)


async def run_sessions(
    engine: Engine, vocabulary: Vocabulary, windows: type[ObservedWindows], recordings: Sequence[Recording]
) -> Load:
    """A session for each recording, all at once. Raises EngineError."""
    before = await settled_stats(engine)
    sessions = await asyncio.gather(
        *(
            _session(engine, vocabulary, windows, recording, number * _STAGGER)
            for number, recording in enumerate(recordings)
        )
    )
    after = await settled_stats(engine)
    return Load(tuple(sessions), after.done.busy_seconds - before.done.busy_seconds)


async def _session(
    engine: Engine, vocabulary: Vocabulary, windows: type[ObservedWindows], recording: Recording, delay: float
) -> Session:
    await asyncio.sleep(delay)
    settings = LiveSettings()
    observed = windows(engine, vocabulary, settings, f"session-{delay:.2f}")
    transcriber = LiveTranscriber(observed, settings)
    began = monotonic()
    async with transcriber:
        ended, log = await asyncio.gather(_speak(transcriber, recording, began), _read(transcriber, began))
    assert isinstance(log[-1].event, Finished)
    backlog = tuple(
        max(0.0, min(update.at - began, recording.seconds) - update.heard_until) for update in observed.updates
    )
    return Session(recording, log, log[-1].at - ended, backlog)


async def _read(transcriber: LiveTranscriber, began: float) -> tuple[Logged, ...]:
    return tuple([Logged(monotonic() - began, event) async for event in transcriber])


async def _speak(transcriber: LiveTranscriber, recording: Recording, began: float) -> float:
    """Send each piece when it has been spoken. Returns when the last was, from the beginning on."""
    for first in range(0, recording.samples.size, CHUNK):
        piece = recording.samples[first : first + CHUNK]
        await asyncio.sleep(began + (first + piece.size) / SAMPLE_RATE - monotonic())
        await transcriber.hear(piece)
    ended = monotonic() - began
    transcriber.finish()
    return ended
