"""The room's door: whoever has a recording to transcribe, whether by HTTP, a job or a command line, comes in here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import BinaryIO

from model.seam.audio import SAMPLE_RATE
from model.seam.runner import RunnerInfo
from model.seam.streams import Question, StreamSpec
from server.audio_in.decode_pool import DecodePool
from server.audio_in.limits import DecodeLimits
from server.context import context_tokens
from server.engine.budget import answer_budget
from server.engine.client.admission import Charge, Ticket, free_of_charge
from server.engine.client.engine import Engine
from server.hearing.turn_hearing import hear_family
from server.hearing.turns import turn_form
from server.recordings.arriving_channels import arriving_of
from server.recordings.begun import Begun
from server.recordings.fitting import check_family, check_heard, check_told, tokens_told
from server.recordings.known_voices import known_voices_of, named
from server.recordings.places import (
    SampleRoom,
    count_work,
    encoded_at_once,
    giving_back,
    octets,
    priority,
    priority_of,
)
from server.recordings.recording import Recording
from server.recordings.recording_file import RecordingFile
from server.recordings.split_transcription import SplitTranscription
from server.recordings.stream_audio import StreamAudio
from server.recordings.transcription import GoOn, StreamTranscription, Transcription
from server.recordings.windowed.transcription import WindowedTranscription
from server.recordings.windowed.windowing import Windowing
from server.recordings.windowed.windows import Windows
from server.recordings.wishes import Wishes
from server.resources import Budget
from server.transcript.assembler import TranscriptAssembler
from server.transcript.detokenizer import Vocabulary
from server.transcript.free_text import FreeTextAssembler
from server.transcript.segments import Segment
from server.voices.encoder import VoiceEncoder

_NOTHING = Begun()
_DECODE_SECONDS, _DECODE_SPEED = 60.0, 60.0
"""Time that decoding one file may take, and for longer ones how much faster than their sound it has to be."""


class Recordings:
    """Transcribes recordings with an engine that is ready. What may be raised is listed in `server.recordings.errors`.

    Args:
        engine: to open streams on.
        vocabulary: of its checkpoint.
        decoders: for the files.
        max_audio_seconds: longest recording.
        memory: for samples on their way to the engine.
        disk: for those of long recordings.
        windowing: how those are heard that are longer than one pass of the model.
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
        self._room = SampleRoom(memory, disk, decoders.in_memory_seconds)
        self._engine = engine
        self._vocabulary = vocabulary
        self._decoders = decoders
        self._limits = DecodeLimits(max_audio_seconds, _DECODE_SECONDS + max_audio_seconds / _DECODE_SPEED)
        self._encoder = encoder
        self._windows = Windows(engine, vocabulary, windowing, encoder, loop_guard=loop_guard)

    def check_room(self, *, urgent: bool = False) -> None:
        """Raise what `admit` would raise now: for who is better told before all of a recording has come. One comes."""
        self._engine.check_ready()
        self._engine.admission.check(priority(urgent))
        self._decoders.prepare()

    def admit(self, *, urgent: bool = False, charge: Charge = free_of_charge) -> Ticket:
        """A place for one recording, to be had before it is decoded.

        Raises Overloaded, and EngineUnavailable where no worker can be had: that one is being replaced is no matter to
        who was told before that there is one.

        Args:
            urgent: as in Wishes.
            charge: hears what the recording costs when that is known, in seconds of audio, and may refuse it.
        """
        self._engine.check_alive()
        return self._engine.admission.enter(priority(urgent), charge=charge)

    def check(self, wishes: Wishes) -> None:
        """Raise what can be told without the recording: UnevenSegment, UnusableReference, NotOfThisModel."""
        check_family(self._info, wishes)
        encoded_at_once(wishes, self._info)

    @property
    def _by_turns(self) -> bool:
        return self._info.family.turns is not None

    def file(self, file: BinaryIO, wishes: Wishes) -> RecordingFile:
        """``file``, to be read by whoever asks something else of it than a transcription."""
        return RecordingFile(file, wishes, decoders=self._decoders, limits=self._limits, memory=self._memory)

    @asynccontextmanager
    async def transcription(
        self, file: BinaryIO, wishes: Wishes, *, ticket: Ticket, request_id: str, begun: Begun = _NOTHING
    ) -> AsyncIterator[Transcription]:
        """Decode ``file`` (seekable), or what its first window needs, and hold a place in the engine until the end.

        ``file`` has to stay valid, and in nobody else's hands, until then: it is decoded again if the engine loses what
        it was given. While a worker is being replaced the next one is waited for. The ticket is the caller's.

        ``begun``: what an earlier attempt at the same file with the same wishes told. It is not told again; the
        transcript begins with it, and the work goes on behind its end.

        Raises what `server.recordings.errors` lists; EngineError and DeadlineExceeded come while it is read, as what is
        wrong behind the first window does; the first also here for known killers.
        """
        began = perf_counter()
        # What cannot be whatever the recording is like is told first.
        self.check(wishes)
        tokens = await tokens_told(self._vocabulary, wishes)
        check_told(self._info, tokens, 0.0, wishes)
        source = self.file(file, wishes)
        async with AsyncExitStack() as streams:
            streams.push_async_callback(source.close)
            recording, heard = await source.read(self._windows.at_once(wishes))
            decode_seconds = perf_counter() - began
            seconds = [audio.length / SAMPLE_RATE for audio in heard]
            at_once = [self._windows.heard_at_once(audio, wishes) for audio in heard]
            check_told(self._info, tokens, max(at_once, default=0.0), wishes)
            check_heard(self._info, seconds, at_once, self._windows.longest, wishes)
            voices = {audio.channel: known_voices_of(audio, self._encoder) for audio in heard}
            heard = [await self._held(audio, wishes, streams) for audio in heard]
            count_work(ticket, heard, self._info, tokens)
            if recording.channels is None:
                (audio,) = heard
                transcription = await self._open(recording, audio, source, decode_seconds, streams, request_id, begun)
                yield named(transcription, voices[None])
            else:
                # What there is to note is noted of all channels together.
                alone = Recording(recording.seconds, lead=recording.lead)
                known = [speaker.name for speaker in wishes.speakers]
                own = {} if known else begun.channels(recording.channels)
                channels = {
                    audio.channel: named(
                        await self._open(
                            alone, audio, source, decode_seconds, streams, request_id, own.get(audio.channel, _NOTHING)
                        ),
                        voices[audio.channel],
                    )
                    for audio in heard
                    if audio.channel is not None
                }
                yield SplitTranscription(recording, channels, known, decode_seconds, begun, arriving_of(heard))

    async def _held(self, audio: StreamAudio, wishes: Wishes, streams: AsyncExitStack) -> StreamAudio:
        """``audio``, whose samples count as memory, or disk, as long as they are held. Raises BudgetSpent."""
        audio = audio if self._windows.needed(audio, wishes) else audio.passing
        share = streams.enter_context(await self._room.share(audio.sound, self._windows.held(audio, wishes)))
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
        begun: Begun,
    ) -> StreamTranscription | WindowedTranscription:
        """Of one channel, in one pass or in windows; ``streams`` is to close it."""
        wishes = source.wishes

        def in_windows(audio: StreamAudio, begun: Begun, names: Mapping[int, str] | None) -> WindowedTranscription:
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
            streams.enter_context(self._memory.share()).offered(octets(again.length))
            return in_windows(again, Begun.of(begun), names)

        if audio.sound is not None:
            return in_windows(audio, begun, None)
        behind = go_on if wishes.max_tokens is None and wishes.instruction is None and not self._by_turns else None
        return await self._one_pass(recording, audio, source, decode_seconds, streams, request_id, begun, behind)

    async def _one_pass(
        self,
        recording: Recording,
        audio: StreamAudio,
        source: RecordingFile,
        decode_seconds: float,
        streams: AsyncExitStack,
        request_id: str,
        begun: Begun,
        go_on: GoOn | None,
    ) -> StreamTranscription:
        """Of one stream, which ``streams`` is to close.

        It goes on behind what was answered before. By turns, and in free words, all is answered again.
        """
        assembler = self._assembler(recording, audio, source.wishes, begun.segments)
        spec = self._specify(audio, source.wishes)
        stream = await streams.enter_async_context(
            self._engine.open(spec, request_id=request_id, source=source.of(audio), fingerprint=source.fingerprint)
        )
        question = spec.question
        again = self._by_turns or source.wishes.instruction is not None
        if not again:
            question = replace(question, begun=begun.standing.answered.tokens)
        family, seconds = self._info.family, audio.length / SAMPLE_RATE
        put = partial(
            hear_family, stream, question, self._vocabulary, family, seconds=seconds, last=True, guard=self._loop_guard
        )
        told = begun if question.begun else Begun(begun.segments)
        return StreamTranscription(
            stream, question, put, recording, audio, assembler, decode_seconds, told, go_on, again=again
        )

    def _assembler(
        self, recording: Recording, audio: StreamAudio, wishes: Wishes, begun: Sequence[Segment]
    ) -> TranscriptAssembler | FreeTextAssembler:
        if wishes.instruction is not None:
            return FreeTextAssembler(
                self._vocabulary, recording.seconds, lead=recording.lead, logprobs=wishes.logprobs, begun=begun
            )
        return TranscriptAssembler(
            self._vocabulary,
            recording.seconds,
            clips=audio.clips,
            offset=audio.offset,
            lead=recording.lead,
            logprobs=wishes.logprobs,
            begun=begun,
            turns=turn_form(self._info.family),
        )

    @property
    def _info(self) -> RunnerInfo:
        assert self._engine.info is not None
        return self._engine.info

    def _specify(self, audio: StreamAudio, wishes: Wishes) -> StreamSpec:
        info = self._info
        seconds = audio.length / info.geometry.sample_rate
        budget = answer_budget(info, seconds, context_tokens=context_tokens(wishes.told))
        most = min(budget, wishes.max_tokens or budget)
        said = () if wishes.instruction is None else (wishes.instruction,)
        question = Question(wishes.context, temperature=wishes.temperature, max_tokens=most, said=said)
        return StreamSpec(
            info.geometry.frames(audio.length),
            question,
            audio.level,
            priority_of(wishes),
            segment_frames=encoded_at_once(wishes, info),
            adapter=wishes.adapter,
        )
