"""The room's door: whoever has a recording to transcribe, whether by HTTP, a job or a command line, comes in here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import BinaryIO

from model.seam.audio import SAMPLE_RATE
from model.seam.runner import RunnerInfo
from model.seam.streams import Question, StreamSpec
from server.audio_in.decode_pool import DecodePool
from server.audio_in.kept_samples import on_disk
from server.audio_in.limits import DecodeLimits
from server.context import ContextRoom, ContextTooLong, context_tokens
from server.engine.budget import answer_budget, context_room, work_seconds
from server.engine.capacity import check_pass
from server.engine.client.admission import Ticket
from server.engine.client.engine import Engine
from server.hearing.hearing import hear
from server.recordings.known_voices import known_voices_of, named
from server.recordings.places import giving_back, octets, priority, priority_of
from server.recordings.recording import Recording, StreamAudio
from server.recordings.recording_file import RecordingFile
from server.recordings.split_transcription import SplitTranscription
from server.recordings.transcription import GoOn, StreamTranscription, Transcription
from server.recordings.windowed.transcription import WindowedTranscription
from server.recordings.windowed.windowing import Windowing
from server.recordings.windowed.windows import Windows
from server.recordings.wishes import Wishes
from server.resources import Budget
from server.transcript.assembler import TranscriptAssembler
from server.transcript.channels import channels_of
from server.transcript.detokenizer import Vocabulary
from server.transcript.segments import Segment
from server.voices.encoder import VoiceEncoder

_SHORT_CONTEXT = 2_000
"""Characters whose tokens are counted in less time than a thread takes to begin."""
_LEAST_WINDOW = 30.0
"""Seconds: in shorter ones a recording is not heard for the sake of a long context."""
_DECODE_SECONDS = 60.0
_DECODE_SPEED = 60.0
"""Time that decoding one file may take, and for longer ones how much faster than their sound it has to be. An hour of
audio takes about four seconds."""


class Recordings:
    """Transcribes recordings with an engine that is ready. What may be raised is listed in `server.recordings.errors`.

    Args:
        engine: to open streams on.
        vocabulary: of its checkpoint.
        decoders: for the files.
        max_audio_seconds: longest recording.
        memory: for samples on their way to the engine.
        disk: for those of long recordings.
        windowing: how those are heard that are longer than what the model does well.
        encoder: tells voices apart, where there is one.
        loop_guard: answers that run in circles are asked for again.
    """

    def __init__(
        self,
        engine: Engine,
        vocabulary: Vocabulary,
        decoders: DecodePool,
        *,
        max_audio_seconds: float,
        memory: Budget,
        disk: Budget,
        windowing: Windowing = Windowing(),  # noqa: B008 - frozen
        encoder: VoiceEncoder | None = None,
        loop_guard: bool = True,
    ) -> None:
        self._loop_guard = loop_guard
        self._memory = memory
        self._disk = disk
        self._engine = engine
        self._vocabulary = vocabulary
        self._decoders = decoders
        self._limits = DecodeLimits(max_audio_seconds, _DECODE_SECONDS + max_audio_seconds / _DECODE_SPEED)
        self._encoder = encoder
        self._windows = Windows(engine, vocabulary, windowing, encoder, loop_guard=loop_guard)

    def check_room(self, *, urgent: bool = False) -> None:
        """Raise what `admit` would raise now: for who is better told before all of a recording has come."""
        self._engine.check_ready()
        self._engine.admission.check(priority(urgent))

    def admit(self, *, urgent: bool = False, charge: Callable[[float], None] = lambda _: None) -> Ticket:
        """A place for one recording, to be had before it is decoded.

        Raises Overloaded, and EngineUnavailable where no worker can be had: that one is being replaced is no matter to
        who was told before that there is one.

        Args:
            urgent: as in Wishes.
            charge: hears what the recording costs when that is known, in seconds of audio, and may refuse it.
        """
        self._engine.check_alive()
        return self._engine.admission.enter(priority(urgent), charge=charge)

    @asynccontextmanager
    async def transcription(
        self, file: BinaryIO, wishes: Wishes, *, ticket: Ticket, request_id: str, begun: Sequence[Segment] = ()
    ) -> AsyncIterator[Transcription]:
        """Decode ``file`` (seekable), and hold a place in the engine for it until the end of the context.

        ``file`` has to stay valid, and in nobody else's hands, until then: it is decoded again if the engine loses what
        it was given. While a worker is being replaced the next one is waited for. The ticket is the caller's to give
        back.

        ``begun``: what an earlier attempt at the same file with the same wishes told, from its first segment on. It is
        not told again; the transcript begins with it, and the work goes on behind its end.

        Raises everything that `server.recordings.errors` lists; EngineError and DeadlineExceeded
        come while the transcription is read, the first also here for a recording that is known to kill workers.
        """
        began = perf_counter()
        # What it is too long for is told first, whatever else is wrong with the recording.
        tokens = await self._tokens_of(wishes.context)
        self._check_context(tokens, 0.0, wishes)
        source = RecordingFile(file, wishes, decoders=self._decoders, limits=self._limits, memory=self._memory)
        recording, heard = await source.read()
        decode_seconds = perf_counter() - began
        seconds = [audio.length / SAMPLE_RATE for audio in heard]
        at_once = [self._windows.heard_at_once(audio, wishes) for audio in heard]
        self._check_context(tokens, max(at_once, default=0.0), wishes)
        for heard_seconds, length in zip(at_once, seconds, strict=True):
            self._check_pass(heard_seconds, min(length, _LEAST_WINDOW, self._windows.longest), wishes)
        async with AsyncExitStack() as streams:
            streams.push_async_callback(source.close)
            voices = {audio.channel: known_voices_of(audio, self._encoder) for audio in heard}
            heard = [self._held(audio, wishes, streams) for audio in heard]
            ticket.add_audio(sum(work_seconds(self._info.family, length, tokens) for length in seconds))
            if recording.channels is None:
                (audio,) = heard
                transcription = await self._open(recording, audio, source, decode_seconds, streams, request_id, begun)
                yield named(transcription, voices[audio.channel])
            else:
                # What there is to note is noted of all channels together.
                alone = Recording(recording.seconds, lead=recording.lead)
                known = [speaker.name for speaker in wishes.speakers]
                own = {} if known else channels_of(begun, recording.channels)
                channels = {
                    audio.channel: named(
                        await self._open(
                            alone, audio, source, decode_seconds, streams, request_id, own.get(audio.channel, ())
                        ),
                        voices[audio.channel],
                    )
                    for audio in heard
                    if audio.channel is not None
                }
                yield SplitTranscription(recording, channels, known, decode_seconds, begun)

    def _held(self, audio: StreamAudio, wishes: Wishes, streams: AsyncExitStack) -> StreamAudio:
        """``audio``, whose samples count as memory, or disk, until the engine has them. Raises BudgetSpent."""
        audio = audio if self._windows.needed(audio, wishes) else audio.passing
        budget = self._disk if on_disk(audio.length, self._decoders.in_memory_seconds) else self._memory
        share = streams.enter_context(budget.share())
        share.take(octets(audio))
        if self._encoder is not None and audio.clips:
            return audio  # its samples stay to the end
        return replace(audio, blocks=giving_back(audio.blocks, share))

    async def _open(
        self,
        recording: Recording,
        audio: StreamAudio,
        source: RecordingFile,
        decode_seconds: float,
        streams: AsyncExitStack,
        request_id: str,
        begun: Sequence[Segment] = (),
    ) -> StreamTranscription | WindowedTranscription:
        """Of one channel, in one pass or in windows; ``streams`` is to close it."""
        wishes = source.wishes

        def in_windows(
            audio: StreamAudio, begun: Sequence[Segment], names: Mapping[int, str] | None
        ) -> WindowedTranscription:
            transcription = self._windows.transcription(
                recording,
                audio,
                wishes,
                decode_seconds,
                priority=priority_of(wishes),
                request_id=request_id,
                fingerprint=source.fingerprint,
                begun=begun,
                names=names,
            )
            streams.callback(transcription.close)
            return transcription

        async def go_on(begun: Sequence[Segment], names: Mapping[int, str]) -> WindowedTranscription:
            again = await source.read_again(audio.channel)
            streams.enter_context(self._memory.share()).offered(octets(again))
            return in_windows(again, begun, names)

        if audio.recording is not None:
            return in_windows(audio, begun, None)
        behind = go_on if wishes.max_tokens is None else None
        return await self._one_pass(recording, audio, source, decode_seconds, streams, request_id, begun, behind)

    async def _one_pass(
        self,
        recording: Recording,
        audio: StreamAudio,
        source: RecordingFile,
        decode_seconds: float,
        streams: AsyncExitStack,
        request_id: str,
        begun: Sequence[Segment],
        go_on: GoOn | None,
    ) -> StreamTranscription:
        """Of one stream, which ``streams`` is to close.

        What was begun the answer begins with, but behind known speakers' clips, of which it tells first who is who:
        there it is heard again.
        """
        assembler = TranscriptAssembler(
            self._vocabulary,
            recording.seconds,
            clips=audio.clips,
            offset=audio.offset,
            lead=recording.lead,
            logprobs=source.wishes.logprobs,
            begun=begun,
        )
        spec = self._specify(audio, source.wishes)
        stream = await streams.enter_async_context(
            self._engine.open(spec, request_id=request_id, source=source.of(audio), fingerprint=source.fingerprint)
        )
        question = spec.question
        if begun and not audio.clips:
            prefix = self._written(begun, recording.lead)
            taken = await asyncio.to_thread(self._vocabulary.count, prefix)
            left = max(1, question.max_tokens - taken)
            question = replace(question, prefix=prefix, max_tokens=left)
        put = partial(
            hear,
            stream,
            question,
            self._vocabulary,
            grammar=self._info.family.grammar,
            seconds=audio.length / SAMPLE_RATE,
            last=True,
            guard=self._loop_guard,
        )
        return StreamTranscription(stream, question, put, recording, audio, assembler, decode_seconds, begun, go_on)

    def _written(self, segments: Sequence[Segment], lead: float) -> str:
        """As an answer begins with them."""
        grammar = self._info.family.grammar
        return grammar.opening(
            grammar.segment(segment.start - lead, segment.end - lead, segment.speaker, segment.text)
            for segment in segments
        )

    @property
    def _info(self) -> RunnerInfo:
        assert self._engine.info is not None
        return self._engine.info

    async def _tokens_of(self, context: str | None) -> int:
        """Of a long one they are counted in a thread."""
        if context is None:
            return 0
        count = self._vocabulary.count
        return count(context) if len(context) <= _SHORT_CONTEXT else await asyncio.to_thread(count, context)

    def _check_context(self, tokens: int, seconds: float, wishes: Wishes) -> None:
        """Raise ContextTooLong where the audio would fit without it."""
        room = context_room(self._info, seconds, answer_tokens=wishes.max_tokens)
        if tokens and room >= 0:
            ContextRoom(room, seconds, self._vocabulary.count).check_tokens(tokens)

    def _check_pass(self, at_once: float, least: float, wishes: Wishes) -> None:
        """Raise EngineError where what is heard at once, or ``least`` of it, never fits.

        Raise ContextTooLong where it is the context that leaves less than that.
        """
        check_pass(self._info, max(at_once, least), answer_tokens=wishes.max_tokens)
        if at_once < least:
            raise ContextTooLong(f"leaves room to hear {at_once:.0f} s of audio at once, and {least:.0f} s are needed")

    def _specify(self, audio: StreamAudio, wishes: Wishes) -> StreamSpec:
        info = self._info
        seconds = audio.length / info.geometry.sample_rate
        budget = answer_budget(info, seconds, context_tokens=context_tokens(wishes.context))
        most = min(budget, wishes.max_tokens or budget)
        question = Question(wishes.context, temperature=wishes.temperature, max_tokens=most)
        return StreamSpec(info.geometry.frames(audio.length), question, audio.level, priority_of(wishes))
