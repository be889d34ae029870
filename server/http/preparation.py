"""What is read while the model loads, so that no request has to wait for it, and the room that is made with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from server.audio_in.decode_pool import DecodePool
from server.engine.client.engine import Engine
from server.engine.errors import EngineUnavailable
from server.recordings.recordings import Recordings
from server.recordings.windowed.windowing import SpeakerContinuity, Windowing
from server.resources import Budget
from server.settings import Settings
from server.transcript.detokenizer import Vocabulary
from server.transcript.language import load_languages
from server.voices.encoder import VoiceEncoder
from server.voices.opening import open_voice_encoder

logger = logging.getLogger(__name__)
Loaded = TypeVar("Loaded")

_FAILED_RETRY = 60.0
"""Seconds after which a restarted server may have what this one lacks."""


class Preparation:
    """What tells languages and voices, and the checkpoint's vocabulary.

    Attributes:
        voices: what tells them apart, where there is one, once it is read.
        fault: what could not be read, and why. Only a restart of the process helps.
    """

    def __init__(self, engine: Engine, voice_encoder: str) -> None:
        self._engine = engine
        self._voice_encoder = voice_encoder
        self.voices: VoiceEncoder | None = None
        self.fault: str | None = None

    async def read(self) -> Vocabulary:
        """Read it all, the vocabulary last: its place is known when the engine is ready. Raises EngineUnavailable.

        That is before anybody is told that the server is ready: reading Qwen2.5's eleven megabytes holds Python's lock
        for half a second, in whatever thread.
        """
        await self._read(load_languages, "What tells languages")
        name = self._voice_encoder
        self.voices = await self._read(partial(open_voice_encoder, name), f"The voice encoder {name}")
        await self._engine.wait_ready()
        assert self._engine.info is not None
        folder = Path(self._engine.info.checkpoint_path)
        return await self._read(partial(Vocabulary.load, folder), f"The tokenizer in {folder}")

    async def _read(self, load: Callable[[], Loaded], what: str) -> Loaded:
        """What ``load`` returns, from a thread. Raises EngineUnavailable."""
        try:
            return await run_in_threadpool(load)
        except Exception as error:  # the worker has read the checkpoint, and the rest is part of the installation
            self.fault = f"{what} cannot be read: {error}"
            logger.error("%s", self.fault)
            raise EngineUnavailable(_FAILED_RETRY, self.fault) from error

    def close(self) -> None:
        """Let go of what is kept. Harmless when repeated."""
        if self.voices is not None:
            self.voices.close()


def make_recordings(
    settings: Settings,
    engine: Engine,
    vocabulary: Vocabulary,
    decoders: DecodePool,
    *,
    memory: Budget,
    disk: Budget,
    encoder: VoiceEncoder | None,
) -> Recordings:
    """The room for recordings as the settings have it."""
    return Recordings(
        engine,
        vocabulary,
        decoders,
        max_audio_seconds=settings.max_audio_seconds,
        memory=memory,
        disk=disk,
        windowing=Windowing(60 * settings.window_minutes, SpeakerContinuity(settings.speaker_continuity)),
        encoder=encoder,
        loop_guard=settings.loop_guard,
    )
