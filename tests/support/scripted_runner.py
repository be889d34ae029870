"""A StepRunner without a model: it answers by script and holds the engine to the seam's contract.

The answer to a question is ``seed`` tokens FIRST, FIRST + 1, ..., then STOP, with nothing else likely. A ``context``
that names a ``Trouble`` makes the step that computes the instruction go wrong in that way, or with ``@n`` behind it
that of the n-th token. Pages are taken as positions are filled, and running out of them raises: that is how tests see a
reservation that does not hold.
"""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum

from model.family import VIBEVOICE_ASR
from model.family.vibevoice_asr.geometry import HOP
from model.seam.audio import Level, Samples
from model.seam.runner import RunnerInfo
from model.seam.steps import Emitted, PendingStep, RowWork, StepPlan, StepResult
from model.seam.streams import CannotFork, Question, StreamCounts

STOP = 1
FIRST = 100
BEFORE = 5
"""Tokens before the audio."""
AFTER = 7
"""Tokens of the instruction; each token of the forced prefix counts in addition."""


class Trouble(StrEnum):
    ERROR = "error"
    DEVICE_FAULT = "device fault"
    ABORTED = "aborted"
    CROWDED = "crowded"
    """No step can have two of these."""
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"
    FROZEN = "frozen"
    STUCK = "stuck"
    BAD_PROMPT = "bad prompt"
    BAD_QUESTION = "bad question"


def as_context(question: Question) -> Question:
    """A question in a conversation, with the context that is told in its last words: they command what follows."""
    if not question.said or question.context:
        return question
    told = re.search("with extra info: (.*?)\n\n", question.said[-1], re.DOTALL)
    return replace(question, context=told[1] if told else question.said[-1])


def answer_of(question: Question) -> list[int]:
    """The tokens that the scripted runner answers, uncut."""
    return list(range(FIRST, FIRST + question.seed))


@dataclass
class ScriptedStream:
    level: Level
    question: Question | None = None
    samples: int = 0
    padding: int = 0
    frames_taken: int = 0
    queued: int = BEFORE
    positions: int = 0
    pages: int = 0
    answered: int = 0
    held: bool = False
    questions: int = 0
    audio_positions: int = 0
    forked: bool = False
    behind: list[object] = field(default_factory=list)
    """What stands behind the audio, as far as it is known: some of it is in the cache after the question too."""

    @property
    def frames_waiting(self) -> int:
        return (self.samples + self.padding) // HOP - self.frames_taken

    @property
    def counts(self) -> StreamCounts:
        queued = 0 if self.held else self.queued
        kept = max(0, self.positions - self.audio_positions) if self.question is None and self.behind else 0
        cached = self.positions - kept
        return StreamCounts(self.frames_waiting, self.frames_taken, queued, cached, self.answered, kept)

    def crop(self, kept: int) -> None:
        """Leave so much of what stands behind the audio in the cache."""
        self.positions = min(self.positions, self.audio_positions + kept)
        self.queued = max(0, self.audio_positions - self.positions)


@dataclass
class ScriptedRunner:
    """Attributes:
    drafts: tokens that are guessed, always rightly, beyond the one that a step answers anyway; not in every step.
    launches_ahead: as a device that works by itself.
    full: streams for which there is no memory, however small the step.
    step_seconds: how long a step takes.
    leak: pretend one.
    plans: every plan that was run, in order.
    """

    pages: int = 64
    page_size: int = 8
    max_positions: int = 16_384
    drafts: int = 0
    launches_ahead: bool = False
    full: frozenset[int] = frozenset()
    step_seconds: float = 0.0
    plans: list[StepPlan] = field(default_factory=list)
    integrity_checks: int = 0
    leak: bool = False
    device: str = "none"

    def __post_init__(self) -> None:
        self.streams: dict[int, ScriptedStream] = {}
        self.unread = 0

    @property
    def info(self) -> RunnerInfo:
        return RunnerInfo(
            checkpoint="scripted",
            checkpoint_path="",
            family=VIBEVOICE_ASR,
            page_size=self.page_size,
            pages=self.pages,
            max_positions=self.max_positions,
            stop_ids=frozenset({STOP}),
            device=self.device,
            dtype="none",
            attention="none",
            draft_positions=self.drafts,
            launches_ahead=self.launches_ahead,
        )

    @property
    def free_pages(self) -> int:
        return self.pages - sum(stream.pages for stream in self.streams.values())

    def prompt_positions(self, frames: int, question: Question, *, system: str = "") -> int:
        if question.context == Trouble.BAD_PROMPT:
            raise ValueError("this prompt cannot be written")
        return BEFORE + len(system) + frames + AFTER

    def open(self, stream: int, level: Level, *, system: str = "") -> None:
        assert stream not in self.streams
        self.streams[stream] = ScriptedStream(level, queued=BEFORE + len(system))

    def fork(self, stream: int, of: int) -> None:
        """Every page is one's own here."""
        other = self.streams[of]
        audio = other.audio_positions if other.behind else other.positions + other.queued
        if other.frames_waiting or other.positions < audio or -(-audio // self.page_size) > self.free_pages:
            raise CannotFork(str(of))
        state = ScriptedStream(other.level, None, other.samples, other.padding, other.frames_taken, queued=0)
        self.streams[stream], state.positions, state.forked = state, audio, True
        self._hold(state, audio)

    def adapt(self, stream: int, adapter: str) -> None:
        assert not self.streams[stream].samples
        assert adapter in self.info.adapters

    def append(self, stream: int, samples: Samples) -> None:
        state = self.streams[stream]
        assert state.question is None
        assert not state.forked
        state.samples += state.padding + samples.size
        state.padding = 0
        self._forget_behind(state)

    def pad(self, stream: int) -> None:
        state = self.streams[stream]
        if state.padding != (padding := -state.samples % HOP):
            state.padding = padding
            self._forget_behind(state)

    def _forget_behind(self, state: ScriptedStream) -> None:
        if state.behind:
            state.crop(0)
            state.behind = []
            self._hold(state, state.positions)

    def ask(self, stream: int, question: Question) -> str:
        state = self.streams[stream]
        if question.context == Trouble.BAD_QUESTION:
            raise ValueError("this question cannot be written")
        assert not state.frames_waiting
        assert state.question is None
        assert list(question.begun) == answer_of(question)[: len(question.begun)], "it was never given"
        state.question = question
        state.questions += 1
        behind = [*[question.context] * AFTER, *question.prefix, *question.begun]
        if not state.behind:
            state.audio_positions = state.positions + state.queued
        alike = [one == other for one, other in zip(state.behind, behind[:-1], strict=False)]
        state.crop(alike.index(False) if False in alike else len(alike))
        state.behind = behind
        state.queued = state.audio_positions + len(behind) - state.positions
        self._hold(state, state.positions)
        state.answered = len(question.begun)
        return question.prefix

    def crop(self, stream: int) -> None:
        state = self.streams[stream]
        if state.question is not None:
            state.question = None
            state.held = False
            state.questions += 1
            state.crop(len(state.behind))
            self._hold(state, state.positions)

    def counts(self, stream: int) -> StreamCounts:
        return self.streams[stream].counts

    def launch(self, plan: StepPlan) -> PendingStep:
        assert not plan.empty
        assert self.unread <= int(self.launches_ahead), "a step launched too far ahead"
        self.plans.append(plan)
        time.sleep(self.step_seconds)
        assert len({work.stream for work in plan.encode}) == len(plan.encode)
        assert len({work.stream for work in plan.rows}) == len(plan.rows)
        rows = [(row, self.streams[row.stream]) for row in plan.rows]
        if sum(state.question is not None and state.question.context == Trouble.CROWDED for _, state in rows) > 1:
            raise RuntimeError("two are too many")
        computed = [(state, state.questions, out) for row, state in rows for out in self._compute(row)]
        for encode in plan.encode:
            state = self.streams[encode.stream]
            assert 0 < encode.frames <= state.frames_waiting
            state.frames_taken += encode.frames
            state.queued += encode.frames

        holds = [state for state, _, _ in computed if state.held]

        def read() -> StepResult:
            self.unread -= 1
            for state in holds:
                state.held = False
            for state, questions, out in computed:
                if state.questions == questions:
                    state.behind += out.tokens
            return StepResult(tuple(out for state, questions, out in computed if state.questions == questions))

        self.unread += 1
        held = frozenset(out.stream for state, _, out in computed if state.held)
        return PendingStep(read, held, self.full & {row.stream for row in plan.rows})

    def _compute(self, row: RowWork) -> list[Emitted]:
        number, positions, state = row.stream, row.positions, self.streams[row.stream]
        assert 0 < positions <= state.queued
        assert not state.held, "its next input is not known"
        state.queued -= positions
        state.positions += positions
        question = None if state.queued else state.question
        self._hold(state, state.positions + (self.drafts if question else 0))
        if question is None:
            return []
        _befall(question.context, state.answered)
        left = question.seed - state.answered
        guessed = self.drafts if state.answered % 3 != 1 else 0
        tokens = [FIRST + state.answered + i if i < left else STOP for i in range(min(left, guessed) + 1)]
        state.answered += len(tokens)
        state.positions += len(tokens) - 1
        state.queued = 1
        state.held = guessed > 0
        self._hold(state, state.positions)
        likeliest = tuple(((token, -0.5),) for token in tokens) if question.likeliest else ()
        return [Emitted(number, tuple(tokens), (-0.5,) * len(tokens), guessed, likeliest)]

    def _hold(self, state: ScriptedStream, positions: int) -> None:
        pages = -(-positions // self.page_size)
        assert pages - state.pages <= self.free_pages, "out of pages"
        state.pages = pages

    def settle(self) -> None:
        assert not self.unread, "a step is not read"

    def release(self, stream: int) -> None:
        self.streams.pop(stream).questions += 1

    def check_integrity(self) -> None:
        self.integrity_checks += 1
        if self.leak:
            raise AssertionError("pages leaked")


def _befall(context: str | None, answered: int) -> None:
    trouble, _, place = (context or "").partition("@")
    if answered < int(place or 0):
        return
    if trouble == Trouble.ERROR:
        raise RuntimeError("The expanded size of the tensor (7) must match the existing size (8)")
    if trouble == Trouble.DEVICE_FAULT:
        raise RuntimeError("CUDA error: device-side assert triggered")
    if trouble == Trouble.ABORTED:
        os.abort()
    if trouble == Trouble.OUT_OF_MEMORY:
        raise MemoryError("the device is full")
    if trouble == Trouble.CRASHED:
        os.kill(os.getpid(), signal.SIGSEGV)
    if trouble == Trouble.FROZEN:
        os.kill(os.getpid(), signal.SIGSTOP)
    if trouble == Trouble.STUCK:
        print("stuck", flush=True)  # noqa: T201 - read by the test that waits for it
        signal.pause()
