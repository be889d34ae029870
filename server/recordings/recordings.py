"""The room's door: whoever has a recording to transcribe, whether by HTTP, a job or a command line, comes in here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import BinaryIO

from model.seam.streams import Question, StreamSpec
from server.audio_in.decode_pool import DecodePool
from server.audio_in.limits import DecodeLimits
from server.context import context_tokens
from server.engine.budget import answer_budget
from server.engine.client.admission import Ticket
from server.engine.client.engine import Engine
from server.recordings.reading import read_recording
from server.recordings.recording import Recording
from server.recordings.transcription import Transcription
from server.recordings.wishes import Wishes
from server.transcript.assembler import TranscriptAssembler
from server.transcript.detokenizer import Vocabulary

_DECODE_SECONDS = 120.0
"""Time that decoding one file may take; an hour of audio takes about four seconds."""


class Recordings:
    """Transcribes recordings with an engine that is ready. What may be raised is listed in `server.recordings.errors`.

    Args:
        engine: to open streams on.
        vocabulary: of its checkpoint.
        decoders: for the files.
        max_audio_seconds: longest recording.
    """

    def __init__(
        self, engine: Engine, vocabulary: Vocabulary, decoders: DecodePool, *, max_audio_seconds: float
    ) -> None:
        self._engine = engine
        self._vocabulary = vocabulary
        self._decoders = decoders
        self._limits = DecodeLimits(max_audio_seconds, _DECODE_SECONDS)

    def admit(self) -> Ticket:
        """A place for one recording, to be had before anything of it is read. Raises EngineUnavailable, Overloaded."""
        self._engine.check_ready()
        return self._engine.admission.enter()

    @asynccontextmanager
    async def transcription(
        self, file: BinaryIO, wishes: Wishes, *, ticket: Ticket, request_id: str
    ) -> AsyncIterator[Transcription]:
        """Decode ``file`` (seekable), and hold a place in the engine for it until the end of the context.

        Nothing touches ``file`` once the context is entered. The ticket is the caller's to give back. Raises everything
        that `server.recordings.errors` lists but EngineError, which comes while the transcription is read.
        """
        began = perf_counter()
        recording, blocks = await read_recording(self._decoders, file, wishes.speakers, self._limits)
        decode_seconds = perf_counter() - began
        del file  # it may be all there is of an upload, and in memory
        ticket.add_audio(recording.seconds)
        assembler = TranscriptAssembler(
            self._vocabulary,
            recording.seconds,
            clips=recording.clips,
            offset=recording.offset,
            logprobs=wishes.logprobs,
        )
        spec = self._specify(recording, wishes)
        async with self._engine.open(spec, request_id=request_id) as stream:
            yield Transcription(stream, spec.question, recording, blocks, assembler, decode_seconds)

    def _specify(self, recording: Recording, wishes: Wishes) -> StreamSpec:
        info = self._engine.info
        assert info is not None
        budget = answer_budget(
            info,
            recording.length / info.geometry.sample_rate,
            context_tokens=context_tokens(wishes.context),
        )
        question = Question(
            wishes.context,
            temperature=wishes.temperature,
            max_tokens=min(budget, wishes.max_tokens or budget),
        )
        return StreamSpec(info.geometry.frames(recording.length), question, recording.level)
