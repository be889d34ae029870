"""The room's door: whoever has a recording to transcribe, whether by HTTP, a job or a command line, comes in here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
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
from server.recordings.recording import Recording, StreamAudio
from server.recordings.split_transcription import SplitTranscription
from server.recordings.transcription import StreamTranscription, Transcription
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

    def check_room(self) -> None:
        """Raise what `admit` would raise now: for who is better told before all of a recording has come."""
        self._engine.check_ready()
        self._engine.admission.check()

    def admit(self) -> Ticket:
        """A place for one recording, to be had before it is decoded. Raises EngineUnavailable, Overloaded."""
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
        recording, heard = await read_recording(self._decoders, file, wishes, self._limits)
        decode_seconds = perf_counter() - began
        del file  # it may be all there is of an upload, and in memory
        ticket.add_audio(recording.seconds * len(heard))
        async with AsyncExitStack() as streams:
            if recording.channels is None:
                (audio,) = heard
                yield await self._open(recording, audio, wishes, decode_seconds, streams, request_id)
            else:
                # What there is to note is noted of all channels together.
                alone = Recording(recording.seconds, lead=recording.lead)
                channels = {
                    audio.channel: await self._open(alone, audio, wishes, decode_seconds, streams, request_id)
                    for audio in heard
                    if audio.channel is not None
                }
                known = [speaker.name for speaker in wishes.speakers]
                yield SplitTranscription(recording, channels, known, decode_seconds)

    async def _open(
        self,
        recording: Recording,
        audio: StreamAudio,
        wishes: Wishes,
        decode_seconds: float,
        streams: AsyncExitStack,
        request_id: str,
    ) -> StreamTranscription:
        """Of one stream, which ``streams`` is to close."""
        assembler = TranscriptAssembler(
            self._vocabulary,
            recording.seconds,
            clips=audio.clips,
            offset=audio.offset,
            lead=recording.lead,
            logprobs=wishes.logprobs,
        )
        spec = self._specify(audio, wishes)
        stream = await streams.enter_async_context(self._engine.open(spec, request_id=request_id))
        return StreamTranscription(stream, spec.question, recording, audio, assembler, decode_seconds)

    def _specify(self, audio: StreamAudio, wishes: Wishes) -> StreamSpec:
        info = self._engine.info
        assert info is not None
        budget = answer_budget(
            info,
            audio.length / info.geometry.sample_rate,
            context_tokens=context_tokens(wishes.context),
        )
        question = Question(
            wishes.context,
            temperature=wishes.temperature,
            max_tokens=min(budget, wishes.max_tokens or budget),
        )
        return StreamSpec(info.geometry.frames(audio.length), question, audio.level)
