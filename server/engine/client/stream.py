"""One stream as its owner sees it: audio in, questions put, answers out.

A worker that dies takes its streams along, but not what is needed to have them again: the audio has a source, and the
question and the tokens of its answer so far stand here. So a stream is connected to one worker after the other, and
whoever owns it notices nothing but that it takes longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import replace
from time import monotonic
from types import TracebackType
from typing import Self

import numpy as np

from model.seam.audio import Samples
from model.seam.streams import Question
from server.engine.client.answer import Answer
from server.engine.client.replay import send_again
from server.engine.client.request import Link, StreamRequest, StreamWork, WorkMeter, as_a_whole, chunks
from server.engine.client.source import KeptAudio
from server.engine.errors import EngineError
from server.engine.figures import LoopFigures
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    AppendAudio,
    AskStream,
    CloseStream,
    CropStream,
    EndReason,
    FailureCode,
    ForkStream,
    KeepStream,
    OpenStream,
    RejoinStream,
    ResumeStream,
)


class EngineStream:
    """Made by ``Engine.open``. Async context manager; leaving it closes the stream. One task at a time uses it.

    Attributes:
        last: its last question was put.
        ended: nothing more can be done with it: it failed, was closed, or has given its last answer.
        priority: who goes first.
        key: by which it is told from all others; streams of the same fingerprint share it.
        company: with whom it runs, see ``OpenStream``.
        request_id: for logs.
        loops: where those are counted in which its answers run.
        steps: with tokens since it was connected.
        interrupted: its answer was begun by another worker, or it waited for one.
        appended: samples of audio.
        kept: nobody owns it, and it stays open for another question; see `Shelf`.
        heard: its present worker has heard all its audio.
    """

    def __init__(
        self, request: StreamRequest, forget: Callable[[EngineStream], None], loops: LoopFigures | None = None
    ) -> None:
        """``forget`` is called when there is nothing more to be heard of the stream."""
        self.loops = loops or LoopFigures()
        self.last = self.ended = self.interrupted = self.kept = self.heard = False
        self.priority = request.spec.priority
        self.key: Hashable = request.fingerprint or object()
        self.request_id = request.request_id
        self.company: int | None = None
        self.steps = self.appended = 0
        self._request = request
        self._forget = forget
        self._kept = KeptAudio() if request.source is None else None
        self._filling = 0  # samples of silence with which a whole question filled up the last frame, if more follows
        self._filled = False  # the present worker has done that
        self._link: Link | None = None
        self._replaying: asyncio.Task[None] | None = None
        self._level_with = asyncio.Event()  # the worker has, or soon will have, everything that was appended
        self._answer: Answer | None = None  # that is not complete
        self._question = Question()  # that is answered
        self._given: list[int] = []  # tokens of the answer
        self._cropping = False
        self._began: float | None = monotonic()  # the work on the answer
        self._first_token: float | None = None
        self._failure: EngineError | None = None
        self._meter = WorkMeter()

    @property
    def number(self) -> int | None:
        """Its number in the worker that has it."""
        return None if self._link is None else self._link.number

    @property
    def given(self) -> int:
        """Tokens of the present answer, or of the last one; those that its question began with are among them."""
        return len(self._question.begun) + len(self._given)

    @property
    def answering(self) -> bool:
        """A question stands."""
        return self._answer is not None

    @property
    def work(self) -> StreamWork | None:
        """What it took to answer it, where all its audio was there before and no worker was lost; None elsewhere."""
        return None if self._failure is not None else self._meter.work

    async def append(self, samples: Samples) -> None:
        """Send audio ([n], any length) and wait while too much is unread. Raises EngineError once the stream failed."""
        await self._level()
        if samples.size and self._filling:
            silence, self._filling = np.zeros(self._filling, np.float32), 0
            await self._append(silence, known=self._filled)
        for chunk in chunks(samples):
            await self._append(chunk)
        self._raise_failure()

    async def _append(self, chunk: Samples, *, known: bool = False) -> None:
        """``known``: the present worker has it already, by what it was asked."""
        await self._level()
        link = self._usable()
        # Counted before it is sent: if the worker dies meanwhile it is the next one that gets it, with the rest.
        self.appended += chunk.size
        self._meter.appended()
        message = AppendAudio(link.number, chunk.tobytes())
        if self._kept is not None:
            self._kept.keep(message.samples)
        if not known:
            await link.worker.send_audio(message)

    def ask(self, question: Question, *, last: bool = False) -> Answer:
        """Put a question about all audio appended so far. One at a time, and no audio before its answer is complete.

        ``last``: the stream ends with this answer and gives back what it holds. Raises EngineError once it failed.
        """
        self._raise_failure()
        if self._answer is not None:
            raise RuntimeError("the last question of this stream is not answered yet")
        if self.ended:
            raise RuntimeError("this stream has ended")
        self._answer, self._question, self.last = Answer(), question, last
        self._given, self._first_token = [], None
        if question.whole:
            self._filling = self._request.geometry.filling(self.appended)
        if self._began is None:
            self._began = monotonic()
        if self._level_with.is_set():
            self._put_question()
        return self._answer

    async def crop(self) -> None:
        """Take back the question that stands and what was answered; the audio stays. Raises EngineError."""
        if (answer := self._answer) is None:
            return
        self._cropping = True
        if self._link is not None and self._level_with.is_set():
            self._link.worker.send(CropStream(self._link.number))
        else:
            self._finish_crop()
        await answer.read()

    def close(self) -> None:
        """End it; an answer that is not complete fails. Harmless when repeated."""
        if not self.ended:
            if self._answer is not None:
                self._answer.fail(EngineError(FailureCode.INTERNAL, "The stream was closed before its answer's end."))
            self._end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The engine calls these on the event loop.

    def connect(self, link: Link, turns: asyncio.Semaphore) -> None:
        """Go on in this worker: it gets the audio again, after others when it is not its turn, and the question."""
        self._link, self.steps, self._filled, self.heard = link, 0, False, False
        spec, trace = self._request.spec, self._request.trace
        begun = self.given if self._answer is not None else 0
        link.worker.send(OpenStream(link.number, self.request_id, spec, self.company, trace, begun))
        if self.appended:
            self._replaying = asyncio.create_task(self._replay(link, turns), name="stream-replay")
        else:
            self._go_on()

    def borrow(self, samples: int) -> None:
        """It need not be appended to: another one hears the same, so many samples. Until that is done nobody has it."""
        self.appended, self._meter = samples, WorkMeter(resumed=True)
        self.disconnect()

    def fork(self, link: Link, of: int) -> None:
        """Go on in this worker, with what that stream of its has heard."""
        self._link, self.steps, self._filled, self.heard = link, 0, False, True
        link.worker.send(ForkStream(link.number, of, self.request_id, self._request.spec, self._request.trace))
        self._go_on()

    def disconnect(self) -> None:
        """The worker has the stream no more."""
        self._stop_replaying()
        self._link, self.interrupted, self.heard = None, True, False
        self._level_with.clear()
        if self._cropping:
            self._finish_crop()

    def keep(self) -> None:
        """Nobody owns it, and nothing is asked: it holds what it has heard while there is room for that."""
        assert self._link is not None
        self.kept, self._request = True, replace(self._request, source=None)
        self._link.worker.send(KeepStream(self._link.number))

    def resume(self, request: StreamRequest) -> None:
        """It is to be asked again, for a request with the same audio, which that has in its source."""
        assert self._link is not None
        self.kept, self.heard, self._request, self._meter = False, True, request, WorkMeter(resumed=True)
        self.priority, self.request_id = request.spec.priority, request.request_id
        self.key = request.fingerprint or object()
        self._link.worker.send(ResumeStream(self._link.number, request.request_id, request.spec, request.trace))

    def rejoin(self) -> None:
        """It may run with others again."""
        if self.company is not None and self._link is not None:
            self._link.worker.send(RejoinStream(self._link.number))
        self.company = None

    def deliver(self, message: AnswerTokens | AnswerDone) -> None:
        """Take the next part of the answer or its end."""
        if (answer := self._answer) is None:
            return
        self.heard = self.heard or isinstance(message, AnswerTokens) or message.reason is not EndReason.CROPPED
        if isinstance(message, AnswerTokens):
            self.steps += 1
            if self._given and message.forced:  # by another worker, and told before
                message = replace(message, forced="")
            self._given += message.tokens
            if self._first_token is None:
                self._first_token = monotonic()
        else:
            if self.interrupted:
                assert self._began is not None
                message = as_a_whole(message, given=self.given, began=self._began, first_token=self._first_token)
            self._meter.answered(message, whole=not self.interrupted)
            self._answer = self._began = None
            self._cropping = False
            self.interrupted = not self._level_with.is_set()
            if self.last:
                self._end()
        answer.take(message)

    def fail(self, error: EngineError) -> None:
        """Take the end of a stream that cannot go on."""
        self._failure = error
        if self._answer is not None:
            self._answer.fail(error)
        self._end()

    async def _replay(self, link: Link, turns: asyncio.Semaphore) -> None:
        """Give the worker all audio again, then go on where the stream was. No audio is appended meanwhile."""
        source = self._kept if self._request.source is None else self._request.source
        assert source is not None
        try:
            async with turns:
                await send_again(source, self.appended, link, self.request_id)
        except EngineError as error:
            self.fail(error)
        else:
            self._go_on()

    def _go_on(self) -> None:
        self._replaying = None
        self._level_with.set()
        if self._answer is not None:
            self._put_question()

    def _put_question(self) -> None:
        """To be answered from where the answer is."""
        assert self._link is not None
        begun = (*self._question.begun, *self._given)
        question = replace(self._question, begun=begun) if self._given else self._question
        self._filled |= question.whole
        self._link.worker.send(AskStream(self._link.number, question, self.last))

    def _finish_crop(self) -> None:
        """Nobody has the question any more."""
        self.deliver(AnswerDone(0, EndReason.CROPPED, "", 0, 0, 0, 0.0, 0.0, 0.0))

    def _stop_replaying(self) -> None:
        if self._replaying is not None and self._replaying is not asyncio.current_task():
            self._replaying.cancel()
        self._replaying = None

    def _end(self) -> None:
        self.ended = True
        self._stop_replaying()
        if self._link is not None:
            # Which hears nothing new if it was the first to know.
            self._link.worker.send(CloseStream(self._link.number))
        self._level_with.set()  # whoever waits to append hears of the end
        self._forget(self)

    async def _level(self) -> None:
        """Until a worker has all that was appended: the one that had may be gone again before who waits hears of it."""
        while not self._level_with.is_set():
            await self._level_with.wait()

    def _usable(self) -> Link:
        self._raise_failure()
        if self.ended or self._link is None:
            raise RuntimeError("this stream has ended")
        return self._link

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise EngineError(self._failure.code, self._failure.message)
