"""Where the time of traced streams goes: a few times and counts for each, told when it ends. Nothing for the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from server.engine.messages import FailureCode, ForkStream, OpenStream, PhaseTrace, ResumeStream, StreamTrace
from server.traceparent import sampled

_QUEUE, _ENCODE, _PREFILL, _GENERATE = "queue", "encode", "prefill", "generate"


@dataclass(slots=True)
class _Record:
    trace: str
    request_id: str
    began: float
    phases: list[tuple[str, float]]  # by name, when they began
    steps: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    answer_tokens: int = 0
    failure: FailureCode | None = None


class StreamTraces:
    """Follows streams that are part of a sampled trace. Times are the step loop's, monotonic seconds.

    A stream that is asked once has the phases queue, encode, prefill and generate. One that is asked again and again
    has the first of them, and the steps and tokens of all its answers together.
    """

    def __init__(self) -> None:
        self._records: dict[int, _Record] = {}

    def opened(self, message: OpenStream | ResumeStream | ForkStream, now: float) -> None:
        """A stream was opened, or resumed. Any other call is ignored where this one did not follow it."""
        if message.trace is not None and sampled(message.trace):
            self._records[message.stream] = _Record(message.trace, message.request_id, now, [(_QUEUE, now)])

    def admitted(self, number: int, now: float) -> None:
        """It begins to run."""
        self._enter(number, _ENCODE, now)

    def asked(self, number: int, now: float) -> None:
        """Its question was put: all audio is encoded."""
        if (record := self._records.get(number)) is not None:
            record.answers += 1
            self._enter(number, _PREFILL, now)

    def first_token(self, number: int, now: float) -> None:
        """An answer has begun."""
        self._enter(number, _GENERATE, now)

    def tokens(self, number: int, count: int) -> None:
        """So many were given out."""
        if (record := self._records.get(number)) is not None:
            record.answer_tokens += count

    def step(self, numbers: Iterable[int]) -> None:
        """A step was launched in which these streams take part."""
        if self._records:
            for number in numbers:
                if (record := self._records.get(number)) is not None:
                    record.steps[record.phases[-1][0]] += 1

    def failed(self, number: int, code: FailureCode) -> None:
        """It is about to end for this reason."""
        if (record := self._records.get(number)) is not None:
            record.failure = code

    def ended(self, number: int, now: float) -> StreamTrace | None:
        """It is over. Returns what is to be told; None where it is not traced."""
        if (record := self._records.pop(number, None)) is None:
            return None
        ends = [*(began for _, began in record.phases[1:]), now]
        phases = [
            PhaseTrace(name, began, end, record.steps[name])
            for (name, began), end in zip(record.phases, ends, strict=True)
        ]
        return StreamTrace(
            record.trace,
            record.request_id,
            record.began,
            now,
            phases=tuple(phases if record.answers <= 1 else phases[:1]),
            steps=record.steps.total(),
            answers=record.answers,
            answer_tokens=record.answer_tokens,
            failure=record.failure,
        )

    def _enter(self, number: int, phase: str, now: float) -> None:
        """Only the first answer's phases are kept apart."""
        if (record := self._records.get(number)) is not None and record.answers <= 1:
            record.phases.append((phase, now))
