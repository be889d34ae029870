"""Every stream of the worker: what messages do to it, and what becomes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from model.errors import is_device_fault
from model.seam.runner import StepRunner
from model.seam.steps import Emitted
from model.seam.streams import CannotFork
from server.engine.blackbox import BlackBox
from server.engine.errors import EngineError
from server.engine.messages import (
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
    StreamFailed,
    StreamPreempted,
    StreamsLost,
    ToClient,
)
from server.engine.worker.reservation import Reservations
from server.engine.worker.scheduler import Scheduler
from server.engine.worker.stream import StreamState
from server.engine.worker.traces import StreamTraces

logger = logging.getLogger(__name__)

OpenedMessage = RejoinStream | AppendAudio | AskStream | CropStream | KeepStream | ResumeStream | CloseStream
StreamMessage = OpenStream | ForkStream | OpenedMessage


class Streams:
    """The streams of one runner, by number.

    Attributes:
        outbox: what the client is to be told, in order; whoever sends it empties it.
        changed: one began to run, or ended, since this was last set to False.
        answer_tokens: of all streams so far.
        preemptions: likewise.
    """

    def __init__(
        self,
        runner: StepRunner,
        scheduler: Scheduler,
        *,
        clock: Callable[[], float],
        out_of_memory: tuple[type[Exception], ...],
        box: BlackBox,
    ) -> None:
        """``clock``: monotonic seconds. ``out_of_memory``: what the runner raises when the device is full.

        ``box``: to note in for which stream something is done.
        """
        self.outbox: list[ToClient] = []
        self.changed = True
        self.answer_tokens = self.preemptions = 0
        self._runner = runner
        self._info = runner.info
        self._scheduler = scheduler
        self._reservations = Reservations(runner, scheduler.largest_stream)
        self._clock = clock
        self._out_of_memory = out_of_memory
        self._box = box
        self._streams: dict[int, StreamState] = {}
        self._traces = StreamTraces()

    def __bool__(self) -> bool:
        return bool(self._streams)

    def handle(self, message: StreamMessage) -> None:
        """Do what a message says. One for a stream that ended meanwhile was on its way when it did, and is ignored."""
        if isinstance(message, OpenStream):
            self._open(message)
        elif isinstance(message, ForkStream):
            self._fork(message)
        elif (stream := self._streams.get(message.stream)) is not None:
            with self._contained(stream):
                self._apply(message, stream)

    def _apply(self, message: OpenedMessage, stream: StreamState) -> None:
        match message:
            case AppendAudio(number, samples):
                self._runner.append(number, np.frombuffer(samples, dtype="<f4"))
                self._count_audio(stream)
            case AskStream(number, question):
                if stream.asked is not None:
                    raise ValueError("a question was asked while another one stands")
                stream.ask(message, self._clock())
                if question.whole:
                    self._runner.pad(number)
                    self._count_audio(stream)
            case CropStream() if stream.asked is not None:
                self._end_answer(stream, EndReason.CROPPED)
            case KeepStream():
                self._keep(stream)
            case ResumeStream():
                self._resume(message, stream)
            case CloseStream():
                self._drop(stream)
            case RejoinStream():
                stream.company = None

    def _open(self, message: OpenStream) -> None:
        number, spec = message.stream, message.spec
        try:
            worst = self._reservations.worst(spec)
            self._runner.open(number, spec.level, system=spec.system)
            if spec.adapter is not None:
                self._runner.adapt(number, spec.adapter)
        except Exception as error:
            self._not_opened(message, error)
            return
        counts = self._runner.counts(number)
        stream = StreamState(number, message.request_id, spec, worst, self._clock(), counts, company=message.company)
        stream.expected_tokens, stream.trace = self._reservations.expected(spec, message.answered), message.trace
        self._streams[number] = stream
        self._traces.opened(message, self._clock())
        self._scheduler.add(stream)
        self.changed = True

    def _fork(self, message: ForkStream) -> None:
        """Its audio is heard, and stays in the cache while it waits for its pages, unless others need them."""
        number, spec = message.stream, message.spec
        try:
            worst = self._reservations.worst(spec)
            if message.of not in self._streams:
                raise CannotFork("the other one is gone")
            self._runner.fork(number, message.of)
        except CannotFork as error:
            logger.info("not forked: %s", error, extra={"fields": {"request_id": message.request_id}})
            self.outbox.append(StreamPreempted(number))
            return
        except Exception as error:
            self._not_opened(message, error)
            return
        counts = self._runner.counts(number)
        stream = StreamState(number, message.request_id, spec, worst, self._clock(), counts, trace=message.trace)
        stream.expected_tokens, stream.resumed = self._reservations.expected(spec), True
        self._streams[number] = stream
        self._traces.opened(message, self._clock())
        self._scheduler.resume(stream)
        self.changed = True

    def _not_opened(self, message: OpenStream | ForkStream, error: Exception) -> None:
        """Raises what tells that the device is of no more use."""
        if isinstance(error, EngineError):
            self._refuse(message.stream, error.code, error.message)
            return
        if is_device_fault(error):
            raise error
        logger.error("stream could not be opened", exc_info=error, extra={"fields": {"request_id": message.request_id}})
        self._refuse(message.stream, *self._explain(error))

    def _keep(self, stream: StreamState) -> None:
        """Nobody asks it for now: what it has heard stays, unless it is not all of it."""
        if stream.idle:
            self._scheduler.keep(stream)
            self._end_trace(stream)
        else:
            self._let_go(stream)

    def _resume(self, message: ResumeStream, stream: StreamState) -> None:
        """It is to be asked again, and waits for pages like any other."""
        try:
            worst = self._reservations.worst(message.spec)
        except EngineError as error:
            self._fail(stream, error.code, error.message)
            return
        stream.resume(message, worst, self._reservations.expected(message.spec), self._clock())
        self._traces.opened(message, self._clock())
        self._scheduler.resume(stream)
        self.changed = True

    def evict(self) -> None:
        """Kept streams go whose pages others have reserved."""
        for stream in self._scheduler.evict():
            self._let_go(stream)

    def _let_go(self, stream: StreamState) -> None:
        """It gives its pages back, and begins again if anybody wants it to."""
        self._drop(stream)
        self.outbox.append(StreamPreempted(stream.number))

    def _count_audio(self, stream: StreamState) -> None:
        stream.counts = self._runner.counts(stream.number)
        if stream.heard_too_much:
            self._fail(stream, FailureCode.TOO_LONG, "More audio came than was announced.")

    def admit(self) -> None:
        """Let waiting streams run."""
        now = self._clock()
        for stream in self._scheduler.admit():
            stream.run(now)
            self._traces.admitted(stream.number, now)
            self.changed = True

    def make_way(self) -> bool:
        """Where nothing can be computed for want of pages, let one file go, to go on later. Returns whether it was so.

        One that has no other beside it ends here: whoever holds the pages may hold them for hours.
        """
        if not self._scheduler.short:
            return False
        if (stream := self._scheduler.preempt()) is None:
            self._end_answer(self._scheduler.short[0], EndReason.LENGTH)
        else:
            logger.info("preempted", extra={"fields": stream.log_fields})
            self.preemptions += 1
            self._let_go(stream)
        return True

    def put_questions(self) -> None:
        """Put the questions of streams whose audio is encoded."""
        for stream in self._scheduler.running:
            if stream.ready_to_ask and stream.asked is not None:
                with self._contained(stream):
                    forced = self._runner.ask(stream.number, stream.asked.question)
                    stream.counts = self._runner.counts(stream.number)
                    self._traces.asked(stream.number, self._clock())
                    if not stream.begin_answer(stream.asked.question, forced):
                        self._end_answer(stream, EndReason.LENGTH)
                    elif stream.asked.last:
                        self._scheduler.trim(stream)

    def trace_step(self, numbers: Iterable[int]) -> None:
        """Take note, for the traces, of a step in which these streams take part."""
        self._traces.step(numbers)

    def count(self, numbers: Iterable[int]) -> None:
        """Take note of how far these streams are after a step was launched, or read."""
        for number in numbers:
            if (stream := self._streams.get(number)) is not None:
                stream.counts = self._runner.counts(number)

    def take(self, emitted: Emitted) -> None:
        """Pass answer tokens on up to a stop token or the limit, and end the answer there."""
        stream = self._streams[emitted.stream]
        answer = stream.answer
        assert answer is not None
        forced = answer.forced if answer.first_token is None else ""
        if answer.first_token is None:
            answer.first_token = self._clock()
            self._traces.first_token(stream.number, answer.first_token)
        count, reason = stream.written(emitted, self._info.stop_ids)
        if count:
            answer.tokens += count
            self._traces.tokens(stream.number, count)
            self.answer_tokens += count
            told = emitted.tokens[:count], emitted.logprobs[:count], forced, emitted.likeliest[:count]
            self.outbox.append(AnswerTokens(stream.number, *told))
        if reason is not None:
            self._end_answer(stream, reason)

    def _end_answer(self, stream: StreamState, reason: EndReason) -> None:
        """The answer is over: the stream listens on, or ends with it."""
        with self._contained(stream):
            last = stream.asked is not None and stream.asked.last
            if last:
                self._drop(stream)
            else:
                self._runner.crop(stream.number)
                stream.counts = self._runner.counts(stream.number)
                self._scheduler.shrink(stream)
            self.outbox.append(stream.end_answer(reason, self._clock()))

    def fail(self, number: int, error: Exception) -> None:
        """End a stream for what went wrong with it."""
        self._fail(self._streams[number], *self._explain(error))

    def blame(self, numbers: Iterable[int], error: Exception) -> None:
        """A step with these streams went wrong: one by itself has failed, several are let go, to be tried in parts."""
        lost = [stream for number in numbers if (stream := self._streams.get(number)) is not None]
        if len(lost) == 1:
            self.fail(lost[0].number, error)
        elif lost:
            for stream in lost:
                self._drop(stream)
            self.outbox.append(StreamsLost(tuple(stream.number for stream in lost)))

    @contextmanager
    def _contained(self, stream: StreamState) -> Iterator[None]:
        """What goes wrong in a call that concerns one stream alone ends that stream alone."""
        self._box.begin_call(stream.number)
        try:
            yield
        except Exception as error:
            if is_device_fault(error):
                raise
            logger.exception("stream failed", extra={"fields": stream.log_fields})
            self.fail(stream.number, error)
        self._box.end_call()

    def _explain(self, error: Exception) -> tuple[FailureCode, str]:
        if isinstance(error, self._out_of_memory):
            return FailureCode.OUT_OF_MEMORY, "The device had not enough memory for this request and those beside it."
        return FailureCode.INTERNAL, "The engine failed on this request."

    def _fail(self, stream: StreamState, code: FailureCode, explanation: str) -> None:
        self._traces.failed(stream.number, code)
        self._drop(stream)
        self._refuse(stream.number, code, explanation)

    def _refuse(self, number: int, code: FailureCode, explanation: str) -> None:
        self.outbox.append(StreamFailed(number, code, explanation))

    def _drop(self, stream: StreamState) -> None:
        del self._streams[stream.number]
        self._scheduler.remove(stream)
        self._runner.release(stream.number)
        self._end_trace(stream)

    def _end_trace(self, stream: StreamState) -> None:
        """It does not run any more."""
        self.changed = True
        if (trace := self._traces.ended(stream.number, self._clock())) is not None:
            self.outbox.append(trace)
