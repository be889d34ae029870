"""One stream as the worker's policy sees it: numbers only, no audio, no tensors, no clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from model.seam.steps import Emitted
from model.seam.streams import Question, StreamCounts, StreamSpec
from server.engine.messages import AnswerDone, AskStream, EndReason, ResumeStream
from server.traceparent import trace_id


class Phase(StrEnum):
    """Where a stream stands. It moves down this list, and listens again after each answer."""

    WAITING = "waiting"
    """For pages and a row; audio may come in already."""
    LISTENING = "listening"
    """Runs; audio is still to come or to be encoded."""
    PREFILLING = "prefilling"
    """Was asked; more than one input is not in the KV cache yet."""
    DECODING = "decoding"
    """One input queued, one answer token per step."""


@dataclass(slots=True)
class Answer:
    """An answer that is being written.

    Attributes:
        forced: text it was made to begin with.
        prompt: positions in front of it; tokens that were given before are not among them.
        limit: tokens that it can have. What the prompt has more than was reserved the answer has less: the duration,
            known only when the question is put, may take a token more, and the forced start counts too.
        tokens: read or given before, stop token excluded.
        first_token: when the first was read.
    """

    forced: str
    prompt: int
    limit: int
    tokens: int = 0
    first_token: float | None = None


@dataclass(slots=True)
class StreamState:
    """What the scheduler and the step loop know of a stream.

    Attributes:
        number: the client's number for it; never used twice in a worker's life.
        worst_positions: KV positions it can come to need: prompt with all announced frames, and longest answer.
        expected_tokens: of an answer, for which pages are reserved; None reserves those of the longest.
        began: when the work on the answer began: the stream was opened, or asked again. None between two answers.
        counts: how far it is, by the runner.
        pages: reserved for it; 0 while it waits.
        queue_seconds: it waited for those, of the work on this answer.
        asked: the question that stands, put to the runner or not.
        answer: to that question; None until it is put.
        company: streams of one company run in steps of their own; None runs with all that have none.
        trace: see ``OpenStream``.
        resumed: it was kept, or is a fork, and was not asked since.
        cached: positions of the present prompt that were computed before that.
    """

    number: int
    request_id: str
    spec: StreamSpec
    worst_positions: int
    began: float | None
    counts: StreamCounts = field(default_factory=StreamCounts)
    pages: int = 0
    queue_seconds: float = 0.0
    asked: AskStream | None = None
    answer: Answer | None = None
    company: int | None = None
    trace: str | None = None
    expected_tokens: int | None = None
    resumed: bool = False
    cached: int = 0

    @property
    def held_positions(self) -> int:
        """In the KV cache, those of the last question included."""
        return self.counts.cached + self.counts.kept

    @property
    def idle(self) -> bool:
        """All its audio is in the KV cache, and nothing is asked."""
        return self.pages > 0 and self.asked is None and not self.counts.waiting and not self.counts.queued

    @property
    def log_fields(self) -> dict[str, object]:
        """Whose it is, for a record of the log."""
        trace = {} if self.trace is None else {"trace_id": trace_id(self.trace)}
        return {"request_id": self.request_id, **trace}

    @property
    def phase(self) -> Phase:
        if not self.pages:
            return Phase.WAITING
        if self.answer is None:
            return Phase.LISTENING
        return Phase.DECODING if self.counts.queued <= 1 else Phase.PREFILLING

    @property
    def computable(self) -> bool:
        """A step can take an input of it. The token behind the longest answer is wanted, and none behind that."""
        return self.counts.queued > 0 and (self.answer is None or self.counts.answered <= self.answer.limit)

    @property
    def expected_positions(self) -> int:
        """KV positions that are reserved: prompt with all announced frames, and the answer that is expected."""
        longest = self.spec.question.max_tokens
        return self.worst_positions - longest + self.expected_answer(longest)

    def expected_answer(self, longest: int) -> int:
        """Tokens that are reserved for an answer that may have so many."""
        return longest if self.expected_tokens is None else min(self.expected_tokens, longest)

    @property
    def at_work(self) -> bool:
        """It runs and waits for no message."""
        return self.pages > 0 and (self.asked is not None or self.counts.waiting > 0 or self.counts.queued > 0)

    @property
    def ready_to_ask(self) -> bool:
        """All audio it is to be asked about is there and encoded, and the question was not put yet."""
        return self.pages > 0 and self.asked is not None and self.answer is None and not self.counts.waiting

    @property
    def heard_too_much(self) -> bool:
        """More audio came than was announced, so that the reservation would not hold."""
        return self.counts.encoded + self.counts.waiting > self.spec.frames

    def run(self, now: float) -> None:
        """Its pages are reserved."""
        self.queue_seconds = 0.0 if self.began is None else now - self.began

    def resume(self, message: ResumeStream, worst_positions: int, expected_tokens: int | None, now: float) -> None:
        """It was kept, and is wanted for another question."""
        self.request_id, self.spec, self.trace = message.request_id, message.spec, message.trace
        self.worst_positions, self.expected_tokens, self.began = worst_positions, expected_tokens, now
        self.resumed, self.cached = True, 0

    def ask(self, message: AskStream, now: float) -> None:
        """A question came."""
        self.asked = message
        self.began = now if self.began is None else self.began

    def begin_answer(self, question: Question, forced: str) -> bool:
        """The question was put; ``counts`` are those after it. Returns whether the prompt fits what is reserved."""
        if self.resumed:
            self.resumed, self.cached = False, self.counts.cached
        begun = len(question.begun)
        prompt = self.counts.cached + self.counts.queued + self.counts.later - begun
        self.answer = Answer(forced, prompt, min(question.max_tokens, self.worst_positions - prompt), begun)
        return self.answer.limit >= begun

    def written(self, emitted: Emitted, stop_ids: frozenset[int]) -> tuple[int, EndReason | None]:
        """How many of these tokens are the answer's, and why it ends with them; None where it does not.

        The limit ends it only when a token beyond it comes: an answer of just that length is not called cut.
        """
        assert self.answer is not None
        stop = next((place for place, token in enumerate(emitted.tokens) if token in stop_ids), None)
        written = len(emitted.tokens) if stop is None else stop
        count = min(written, self.answer.limit - self.answer.tokens)
        if count < written:
            return count, EndReason.LENGTH
        return count, None if stop is None else EndReason.STOP

    def end_answer(self, reason: EndReason, now: float) -> AnswerDone:
        """The answer is over, or the question taken back. Returns what is to be told."""
        answer, began = self.answer or Answer("", 0, 0), now if self.began is None else self.began
        done = AnswerDone(
            self.number,
            reason,
            forced=answer.forced,
            prompt_tokens=answer.prompt,
            audio_tokens=self.counts.encoded,
            answer_tokens=answer.tokens,
            queue_seconds=self.queue_seconds,
            first_token_seconds=(now if answer.first_token is None else answer.first_token) - began,
            total_seconds=now - began,
            cached_tokens=self.cached,
        )
        self.asked = self.answer = self.began = None
        self.queue_seconds = 0.0
        return done
