"""The room for recordings as a command line would have it: an engine, a vocabulary, decoders, and no HTTP."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples
from server.audio_in.decode_pool import DecodePool
from server.engine.client.engine import Engine
from server.engine.settings import EngineSettings
from server.engine.worker.load import RunnerFactory
from server.recordings.recordings import Recordings
from server.recordings.windowed.windowing import Windowing
from server.recordings.windowed.windows import Windows
from server.resources import Budget, Resource
from server.transcript.detokenizer import Vocabulary
from server.voices.encoder import VoiceEncoder
from tests.support.speaking_runner import SpeakingRunner

LONGEST = 3600.0
SOON = EngineSettings(restart_delay=0.05, restart_delay_max=0.05)
"""Workers that died are replaced at once: by default each death in a row doubles the wait."""


def noise(seconds: float, loudness: float = 0.1) -> Samples:
    """[n] at 24 kHz."""
    generator = np.random.default_rng(round(1000 * seconds))
    return (generator.standard_normal(round(seconds * SAMPLE_RATE)) * loudness).astype(np.float32)


def file_of(samples: Samples) -> bytes:
    """A file that is decoded to exactly these samples."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    return file.getvalue()


@pytest.fixture(scope="session")
def decoders() -> Iterator[DecodePool]:
    with DecodePool(1) as pool:
        yield pool


class Room(Recordings):
    """The room, and the engine behind it."""

    def __init__(self, engine: Engine, decoders: DecodePool) -> None:
        assert engine.info is not None
        vocabulary = Vocabulary.load(Path(engine.info.checkpoint_path))
        super().__init__(
            engine,
            vocabulary,
            decoders,
            max_audio_seconds=LONGEST,
            memory=(memory := Budget(Resource.MEMORY, 1 << 30)),
            disk=(disk := Budget(Resource.DISK, 1 << 34)),
        )
        self.engine = engine
        self.memory = memory
        self.disk = disk

    def hear_in(self, windowing: Windowing, encoder: VoiceEncoder | None = None) -> None:
        """From now on in such windows, and with such ears for voices."""
        self._encoder = encoder
        self._windows = Windows(self.engine, self._vocabulary, windowing, encoder, loop_guard=True)


@asynccontextmanager
async def open_room(
    decoders: DecodePool, factory: RunnerFactory = SpeakingRunner, settings: EngineSettings = SOON
) -> AsyncIterator[Room]:
    engine = Engine(factory, settings)
    await engine.start()
    try:
        await engine.wait_ready()
        yield Room(engine, decoders)
    finally:
        await engine.close()


@pytest.fixture
async def room(decoders: DecodePool) -> AsyncIterator[Room]:
    async with open_room(decoders) as opened:
        yield opened
