"""The step loop of the worker: take messages, plan, step, account, send. One thread, no device code, no own clock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np

from model.seam.audio import FRAME_RATE
from model.seam.steps import Emitted, PendingStep, Question, StepPlan, StepRunner
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    AppendAudio,
    AskStream,
    CancelStream,
    EndReason,
    FailureCode,
    FinishAudio,
    OpenStream,
    StopWorker,
    StreamDone,
    StreamFailed,
    ToClient,
    ToWorker,
    WorkerStats,
)
from server.engine.settings import EngineSettings
from server.engine.worker.pace import Pace
from server.engine.worker.pulse import Pulse
from server.engine.worker.scheduler import Scheduler, describe
from server.engine.worker.stream import StreamState

logger = logging.getLogger(__name__)

STATS_SECONDS = 0.25
"""Between two WorkerStats while nothing begins or ends."""

_NO_MEMORY = "The device had not enough memory for this request and those beside it."

Receive = Callable[[float | None], Sequence[ToWorker]]
"""Waits up to so many seconds (None: for ever) for messages and returns all that are there, possibly none."""
Send = Callable[[Sequence[ToClient]], None]


class StepLoop:
    """Owns the runner and every stream on it. ``run`` is the worker's main loop."""

    def __init__(
        self,
        runner: StepRunner,
        settings: EngineSettings,
        *,
        receive: Receive,
        send: Send,
        clock: Callable[[], float],
        out_of_memory: tuple[type[Exception], ...] = (MemoryError,),
        pulse: Pulse | None = None,
        pace: Pace | None = None,
    ) -> None:
        """``clock``: monotonic seconds. ``out_of_memory``: what the runner raises when the device is full.

        ``pulse``, ``pace``: for a device on which steps take seconds; neither where they are short anyway.
        """
        self._runner = runner
        self._info = runner.info
        self._receive = receive
        self._send = send
        self._clock = clock
        self._out_of_memory = out_of_memory
        self._heartbeat = settings.heartbeat_timeout / 4
        self._stats_interval = min(STATS_SECONDS, self._heartbeat)
        self._scheduler = Scheduler(settings, self._info)
        self._pulse, self._pace = pulse, pace
        if pace is not None:
            self._scheduler.share = pace.share
        self._streams: dict[int, StreamState] = {}
        self._outbox: list[ToClient] = []
        self._pending: list[tuple[PendingStep, int]] = []  # at most one step, and the number of its rows
        self._busy = False
        self._unchecked = False
        self._stats_due = True
        self._stats_sent = clock()
        self._steps = self._batch_rows = self._encoded_frames = self._answer_tokens = 0
        self._busy_seconds = 0.0

    def run(self) -> None:
        """Until StopWorker. Raises what the runner's step raises, unless the device was only out of memory."""
        self._turn()
        while self._handle(self._receive(self._patience())):
            self._turn()

    def _patience(self) -> float | None:
        """How long to wait for messages: not at all between steps; with open streams until a sign of life is due."""
        if self._busy:
            return 0.0
        return self._heartbeat if self._streams else None

    def _turn(self) -> None:
        """Launch a step and read one, or the last word before a rest.

        Where the device works by itself the step that is read is the one before: the host plans, sends and waits for
        messages while the device computes.
        """
        now, busy = self._clock(), self._busy_seconds
        for stream in self._scheduler.admit():
            stream.admitted = now
            self._stats_due = True
        self._ask()
        plan = self._scheduler.plan()
        launched = [] if plan.empty else self._launch(plan)
        idle = plan.empty and not self._pending
        while self._pending:
            self._read(*self._pending.pop())
        self._pending = launched
        while self._pending and not self._info.launches_ahead:
            self._read(*self._pending.pop())
        if self._pace is not None and not plan.empty:
            self._scheduler.share = self._pace.after(plan, self._busy_seconds - busy)
        if idle:
            self._rest()
        self._report()
        if self._outbox:
            self._send(tuple(self._outbox))
            self._outbox.clear()

    # ------------------------------------------------------------------------------------------------ messages

    def _handle(self, messages: Sequence[ToWorker]) -> bool:
        """Apply messages in order. False when one of them was StopWorker."""
        for message in messages:
            match message:
                case OpenStream():
                    self._open(message)
                case AppendAudio(number, samples):
                    self._append(number, samples)
                case FinishAudio(number):
                    self._finish(number)
                case AskStream(number, question):
                    if number in self._streams:
                        self._streams[number].question = question
                case CancelStream(number):
                    if number in self._streams:
                        self._done(self._streams[number], EndReason.CANCELLED)
                case StopWorker():
                    return False
        return True

    def _open(self, message: OpenStream) -> None:
        number, spec = message.stream, message.spec
        try:
            worst = self._runner.prompt_positions(spec, message.frames) + spec.max_answer_tokens
            if worst > self._scheduler.largest_stream:
                self._refuse(number, FailureCode.TOO_LONG, self._too_long(message, worst))
                return
            queued = self._runner.open(number, spec)
        except Exception as error:
            logger.exception("stream could not be opened", extra={"fields": {"request_id": message.request_id}})
            self._refuse(number, *self._explain(error))
            return
        stream = StreamState(
            number,
            message.request_id,
            message.frames,
            worst,
            spec.max_answer_tokens,
            self._clock(),
            live=message.live,
            queued=queued,
        )
        self._streams[number] = stream
        self._scheduler.add(stream)
        self._stats_due = True

    # AppendAudio, FinishAudio and CancelStream of a stream that ended meanwhile are on their way at any time: the
    # client could not know yet. They are ignored.

    def _append(self, number: int, samples: bytes) -> None:
        if (stream := self._streams.get(number)) is not None:
            with self._contained(stream):
                stream.frames_waiting = self._runner.append_audio(number, np.frombuffer(samples, dtype="<f4"))
            self._check_announced(stream)

    def _finish(self, number: int) -> None:
        if (stream := self._streams.get(number)) is not None:
            with self._contained(stream):
                stream.frames_waiting = self._runner.finish_audio(number)
                stream.audio_finished = True
            self._check_announced(stream)

    def _check_announced(self, stream: StreamState) -> None:
        if stream.number in self._streams and stream.heard_too_much:
            self._fail(stream, FailureCode.TOO_LONG, "More audio came than was announced.")

    def _ask(self) -> None:
        for stream in self._scheduler.running:
            if stream.ready_to_ask:
                with self._contained(stream):
                    stream.count_asked(self._runner.ask(stream.number, stream.question or Question()))
                    if not stream.live:
                        self._scheduler.trim(stream)

    # ---------------------------------------------------------------------------------------------------- steps

    def _launch(self, plan: StepPlan) -> list[tuple[PendingStep, int]]:
        """Start a step; see ``_pending``. Nothing where not even that was possible."""
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s", describe(plan))
        self._busy = True
        began = self._clock()
        try:
            with self._sign_of_life():
                pending = self._runner.launch(plan)
        except self._out_of_memory as error:
            numbers = {work.stream for work in plan.encode} | {work.stream for work in plan.rows}
            logger.error("out of memory with %d streams: %s", len(numbers), error)
            for number in numbers:
                self._fail(self._streams[number], *self._explain(error))
            return []
        finally:
            self._busy_seconds += self._clock() - began
        for encode in plan.encode:
            self._streams[encode.stream].count_encoded(encode.frames)
            self._encoded_frames += encode.frames
        for row in plan.rows:
            self._streams[row.stream].count_launched(row.positions, held=row.stream in pending.held)
        for number in pending.failed:
            logger.error("out of memory even by itself", extra={"fields": {"stream": number}})
            self._fail(self._streams[number], FailureCode.OUT_OF_MEMORY, _NO_MEMORY)
        return [(pending, len(plan.rows))]

    def _read(self, pending: PendingStep, rows: int) -> None:
        """Wait for a step and pass on what came out of it."""
        began = self._clock()
        with self._sign_of_life():
            result = pending.read()
        self._busy_seconds += self._clock() - began
        self._steps += 1
        self._batch_rows = rows
        for emitted in result.emitted:
            self._answer(self._streams[emitted.stream], emitted)

    def _sign_of_life(self) -> AbstractContextManager[None]:
        return nullcontext() if self._pulse is None else self._pulse.step(self._steps)

    def _answer(self, stream: StreamState, emitted: Emitted) -> None:
        """Pass answer tokens on up to a stop token or the limit, and end the answer there.

        The limit ends it only when a token beyond it comes: an answer of just that length is not called cut.
        """
        if stream.first_token is None:
            stream.first_token = self._clock()
        stop = next((i for i, token in enumerate(emitted.tokens) if token in self._info.stop_ids), None)
        written = len(emitted.tokens) if stop is None else stop
        count = min(written, stream.answer_limit - stream.answer_tokens)
        if count:
            stream.count_answered(count)
            self._answer_tokens += count
            self._outbox.append(AnswerTokens(stream.number, emitted.tokens[:count], emitted.logprobs[:count]))
        if count == written and stop is None:
            return
        reason = EndReason.LENGTH if count < written else EndReason.STOP
        if stream.live:
            self._answered(stream, reason)
        else:
            self._done(stream, reason)

    def _answered(self, stream: StreamState, reason: EndReason) -> None:
        """One answer of a live stream is complete; it listens on."""
        with self._contained(stream):
            stream.count_withdrawn(self._runner.withdraw(stream.number))
            self._outbox.append(AnswerDone(stream.number, reason, stream.frames_encoded, stream.forced))

    def _rest(self) -> None:
        """Nothing can be done until a message comes."""
        if self._busy:
            self._busy, self._stats_due, self._batch_rows = False, True, 0
        if self._unchecked and not self._scheduler.running:
            self._runner.check_integrity()
            self._unchecked = False

    # ----------------------------------------------------------------------------------------------------- ends

    @contextmanager
    def _contained(self, stream: StreamState) -> Iterator[None]:
        """What goes wrong in a call that concerns one stream alone ends that stream alone."""
        try:
            yield
        except Exception as error:
            logger.exception("stream failed", extra={"fields": {"request_id": stream.request_id}})
            self._fail(stream, *self._explain(error))

    def _explain(self, error: Exception) -> tuple[FailureCode, str]:
        if isinstance(error, self._out_of_memory):
            return FailureCode.OUT_OF_MEMORY, _NO_MEMORY
        return FailureCode.INTERNAL, "The engine failed on this request."

    def _too_long(self, message: OpenStream, worst: int) -> str:
        return (
            f"{message.frames / FRAME_RATE:.0f} s of audio with up to {message.spec.max_answer_tokens} answer tokens "
            f"take {worst} positions, and this server has room for {self._scheduler.largest_stream}."
        )

    def _refuse(self, number: int, code: FailureCode, explanation: str) -> None:
        self._outbox.append(StreamFailed(number, code, explanation))

    def _fail(self, stream: StreamState, code: FailureCode, explanation: str) -> None:
        self._drop(stream)
        self._refuse(stream.number, code, explanation)

    def _done(self, stream: StreamState, reason: EndReason) -> None:
        now = self._clock()
        self._drop(stream)
        self._outbox.append(
            StreamDone(
                stream.number,
                reason,
                prompt_tokens=stream.prompt_positions,
                audio_tokens=stream.frames_encoded,
                answer_tokens=stream.answer_tokens,
                queue_seconds=(now if stream.admitted is None else stream.admitted) - stream.arrived,
                first_token_seconds=(now if stream.first_token is None else stream.first_token) - stream.arrived,
                total_seconds=now - stream.arrived,
            )
        )

    def _drop(self, stream: StreamState) -> None:
        del self._streams[stream.number]
        self._scheduler.remove(stream)
        self._runner.release(stream.number)
        self._unchecked = self._stats_due = True

    def _report(self) -> None:
        """WorkerStats when something began or ended, and otherwise now and then."""
        now = self._clock()
        if not self._stats_due and now - self._stats_sent < self._stats_interval:
            return
        self._stats_due, self._stats_sent = False, now
        self._outbox.append(
            WorkerStats(
                steps=self._steps,
                running=len(self._scheduler.running),
                waiting=self._scheduler.waiting,
                pages_used=self._info.pages - self._runner.free_pages,
                pages_total=self._info.pages,
                batch_rows=self._batch_rows,
                encoded_frames=self._encoded_frames,
                answer_tokens=self._answer_tokens,
                busy_seconds=self._busy_seconds,
            )
        )
