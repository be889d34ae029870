"""One live session: a WebSocket, a protocol and a transcriber, and the tasks between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic
from typing import Generic

from starlette.websockets import WebSocket

from model.seam.audio import SAMPLE_RATE
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.pcm import Channels
from server.http.sockets.audio import AudioInput, in_pieces
from server.http.sockets.delays import Delays
from server.http.sockets.handover import ResumeRefused
from server.http.sockets.inbox import Inbox
from server.http.sockets.outbox import Outbox
from server.http.sockets.owed import OwedWords
from server.http.sockets.resumption import Resumption, asked_of
from server.http.sockets.session_tasks import SessionLimits, SessionTasks, cause_of
from server.live.channel_transcribers import ChannelTranscribers
from server.live.vocabulary.actions import (
    Action,
    Close,
    Discard,
    Finish,
    Flush,
    Hear,
    Resume,
    Send,
    SetAdapter,
    SetContext,
    SetFormat,
    SetLogprobs,
    SetSounds,
    Setting,
    SetTurns,
)
from server.live.vocabulary.events import (
    AudioHeard,
    Checkpoint,
    Flushed,
    Hypothesis,
    IdleTimedOut,
    SpeechStopped,
    WordsCommitted,
)
from server.live.vocabulary.flush import Asker, flush_ids
from server.live.vocabulary.protocol import LiveProtocol, Message, SessionEnd

_LARGE = 1 << 16
"""Characters of a text frame from which it is read in a thread: less takes no longer than the way there."""

_ABRUPT = frozenset({SessionEnd.ENGINE_FAILED, SessionEnd.TOO_SLOW})
"""Ends after which no more words can come, or reach anybody."""


class LiveSession(Generic[Message]):
    """Runs one accepted session to its end. The transcribers are entered, and left by whoever entered them.

    A task receives and does what the protocol answers, one lets the protocol hear the transcriber's events, one sends.
    No message is taken while audio waits for the transcriber or frames for the client, and the server below reads only
    so far ahead, so that nothing piles up.

    Attributes:
        heard: seconds of audio.
    """

    def __init__(
        self,
        websocket: WebSocket,
        protocol: LiveProtocol[Message],
        transcribers: ChannelTranscribers,
        limits: SessionLimits,
        stopping: asyncio.Event,
        delays: Delays,
        *,
        charge: Callable[[float], None],
        audio: AudioInput,
        channels: int = 1,
        resumption: Resumption | None = None,
    ) -> None:
        """``charge`` is called with the seconds of audio that come, of all channels, and may raise to end it."""
        self.heard = 0.0
        self._protocol = protocol
        self._transcribers = transcribers
        self._most_channels = channels
        self._charge = charge
        self._limits = limits
        self._stopping = stopping
        self._resumption = resumption
        self._begins = 0.0  # seconds of the session, which another connection may have begun
        self._delays = delays
        self._inbox = Inbox(websocket, limits.idle, lambda: bool(self._owed) or self._finishing)
        self._outbox = Outbox(websocket, limits.send)
        self._audio = audio
        self._one_at_a_time = asyncio.Lock()
        self._deaf = False
        self._finishing = False
        self._owed = OwedWords(delays)

    @property
    def channels(self) -> int:
        """How many are transcribed, each for itself; 1 where they are mixed."""
        return self._transcribers.count

    async def run(self) -> str:
        """Returns how it ended: a SessionEnd, CLOSED or CLIENT_CLOSED. All its tasks have ended by then."""
        tasks = SessionTasks(
            sending=asyncio.create_task(self._outbox.run()),
            listening=asyncio.create_task(self._listen()),
            receiving=asyncio.create_task(self._receive()),
            stopping=asyncio.create_task(self._stopping.wait()),
        )
        try:
            await asyncio.wait(tasks, timeout=self._limits.longest, return_when=asyncio.FIRST_COMPLETED)
            over = cause_of(tasks)
            if isinstance(over, str):
                return over
            if over.why is SessionEnd.SHUTTING_DOWN and await self._handed_over(tasks):
                return over.why
            if over.why not in _ABRUPT:
                await self._say_last_words(tasks)
            if not tasks.sending.done():
                await self._perform(self._protocol.ended(over.why, over.message))
                await asyncio.wait({tasks.sending}, timeout=self._limits.send)
            return over.why
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._audio.close()

    # ----------------------------------------------------------------------------------------------------- tasks

    async def _receive(self) -> None:
        """Raises WebSocketDisconnect, SessionOver (``IDLE``), and what doing as the client says raises."""
        await self._perform(self._protocol.opened())
        while True:
            await self._outbox.room()
            if self._deaf:
                return
            actions = self._protocol.received(await self._read(await self._inbox.next()))
            await self._perform(actions)
            if self._resumption is not None and not all(isinstance(action, Hear) for action in actions):
                self._resumption.note()

    async def _read(self, frame: str | bytes) -> Message:
        if isinstance(frame, str) and len(frame) > _LARGE:
            return await asyncio.to_thread(self._protocol.read, frame)
        return self._protocol.read(frame)

    async def _listen(self) -> None:
        """Raises EngineError."""
        async for event in self._transcribers:
            if isinstance(event, Checkpoint):
                if self._resumption is not None:
                    await self._perform(await self._resumption.reached(event, self._owed.asked))
                continue
            if self._resumption is not None and not isinstance(event, AudioHeard):
                self._resumption.told(event.channel.number)
            match event:
                case SpeechStopped(flush=flush) | IdleTimedOut(flush=flush):
                    self._owed.add(event.channel.number, flush)
                case WordsCommitted(words=words):
                    self._delays.worded(monotonic())
                    for word in words:
                        self._delays.committed(word.end, monotonic())
                case Hypothesis(segments) if segments:
                    self._delays.worded(monotonic())
                case Flushed(flush=flush):
                    self._owed.told(event.channel.number, flush)
            await self._perform(self._protocol.heard(event))
            self._owed.passed_on()
            self._inbox.be_patient()
            await self._outbox.room()
        self._outbox.put(Close())
        await self._outbox.closed()

    async def _say_last_words(self, tasks: SessionTasks) -> None:
        """Take nothing more from the client, and let it have the words of what it said."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.last_words):
                await self._deafen(tasks)
                if not self._finishing:
                    await self._perform([Flush(next(flush_ids(Asker.SERVER)))])
                settling = asyncio.create_task(self._all_said())
                try:
                    await asyncio.wait({settling, tasks.listening, tasks.sending}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    settling.cancel()

    async def _deafen(self, tasks: SessionTasks) -> None:
        """Take nothing more from the client; what is being taken is taken whole."""
        self._deaf = True
        if self._inbox.waiting:
            tasks.receiving.cancel()
        await asyncio.wait({tasks.receiving})

    async def _handed_over(self, tasks: SessionTasks) -> bool:
        """Let the client go on elsewhere, where it can: what is not certain yet comes there, of the same audio."""
        if self._resumption is None or self._finishing:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.last_words):
                await self._deafen(tasks)
                if not self._finishing:
                    self._resumption.leave()
                    leaving = asyncio.create_task(self._resumption.left.wait())
                    try:
                        ends = {leaving, tasks.listening, tasks.sending}
                        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        leaving.cancel()
        if self._resumption.left.is_set():
            await asyncio.wait({tasks.sending}, timeout=self._limits.send)
        return self._resumption.left.is_set()

    async def _all_said(self) -> None:
        """Wait until the client has the words of all audio, or will have them before the connection is closed."""
        if self._finishing:
            await self._outbox.closed()
        else:
            await self._owed.settled.wait()

    # --------------------------------------------------------------------------------------------------- actions

    async def _perform(self, actions: Iterable[Action]) -> None:
        actions = list(actions)
        for flush in (action.id for action in actions if isinstance(action, Flush)):
            self._owed.ask({(channel, flush): self._until for channel in range(self._transcribers.count)})
        for action in actions:
            if isinstance(action, Send | Close):
                self._outbox.put(action)
            elif isinstance(action, Resume):
                await self._resume(action)
            else:
                async with self._one_at_a_time:
                    await self._do(action)

    async def _do(self, action: SetFormat | Hear | Setting | Flush | Discard | Finish) -> None:
        match action:
            case SetFormat():
                await self._hear(await self._audio.begin(action))
                if action.split and action.encoding is not None:  # a container says by itself how many there are
                    await self._transcribers.open(action.channels)
            case Hear(audio):
                for piece in in_pieces(audio):
                    await self._hear(await self._audio.push(piece))
            case SetTurns(turns):
                self._transcribers.set_turns(turns)
            case SetContext(context):
                self._transcribers.set_context(context)
            case SetAdapter(adapter):
                self._transcribers.set_adapter(adapter)
            case SetLogprobs(wanted):
                self._transcribers.set_logprobs(wanted)
            case SetSounds(wanted):
                self._transcribers.set_sounds(wanted)
            case Flush(flush):
                await self._hear(self._audio.drain())
                self._transcribers.flush(flush)
            case Discard():
                await self._hear(self._audio.drain())
                self._transcribers.discard()
            case Finish():
                await self._hear(await self._audio.end())
                self._finishing = True
                self._transcribers.finish()

    @property
    def _until(self) -> float:
        """Seconds of the session that were heard, over all its connections."""
        return self._begins + self.heard

    async def _resume(self, wish: Resume) -> None:
        """Be the session that the client began on another connection, or tell why not."""
        assert self._resumption is not None, "only a protocol that can be resumed asks for it"
        try:
            passed, at, voices = await self._resumption.passed(wish, self._most_channels)
            actions = self._resumption.begun(passed, at)
        except ResumeRefused as error:
            await self._perform(self._resumption.refused(error.why))
            return
        self._begins = at
        self._owed.ask(asked_of(passed.flushes))
        await self._perform(actions)
        async with self._one_at_a_time:
            await self._transcribers.resume(passed.places, voices, at, passed.flushes)

    async def _hear(self, rows: Channels) -> None:
        if rows.size:
            if len(rows) > self._most_channels:
                message = f"The audio has {len(rows)} channels: say so with channels={len(rows)}."
                raise AudioError(AudioErrorCode.UNSUPPORTED_FORMAT, message)
            self._charge(rows.size / SAMPLE_RATE)
            self._delays.heard(self._until + rows.shape[1] / SAMPLE_RATE, monotonic())
            await self._transcribers.hear(rows)
            self.heard += rows.shape[1] / SAMPLE_RATE
