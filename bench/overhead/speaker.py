"""A device that is played: it takes as long for a step as a fast one would, and says so much a second of audio."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from model.family import VIBEVOICE_ASR
from model.seam.audio import Level, Samples
from model.seam.runner import RunnerInfo
from model.seam.steps import Emitted, PendingStep, StepPlan, StepResult
from model.seam.streams import CannotFork, Question, StreamCounts

TINY = Path(__file__).parents[2] / "model" / "tiny" / "checkpoint"
TURN = 5
"""Seconds that each turn takes."""
_WORDS = [
    "good",
    "morning",
    "Ms.",
    "Grün",
    "how",
    "are",
    "you",
    "quite",
    "well",
    "what",
    "did",
    "others",
    "say",
    "nothing",
]
_BEFORE, _AFTER = 5, 7
"""Tokens of the prompt around the audio."""
_STEPS = 256
"""Of an answer at most: a long one comes in larger pieces."""
_PAGE = 256


def answer_to(seconds: float) -> str:
    """What is said in a recording, as the model would write it: turns of two speakers, one behind the other.

    Each says something else, or the answer would be taken for one that runs in circles.
    """
    whole, words = max(1, int(seconds)), random.Random(0)
    turns = [
        {
            "Start": start,
            "End": min(start + TURN, whole),
            "Speaker": turn % 2,
            "Content": " ".join(words.choices(_WORDS, k=7)),
        }
        for turn, start in enumerate(range(0, whole, TURN))
    ]
    return json.dumps(turns, ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True)
class _Stream:
    samples: int = 0
    padding: int = 0
    encoded: int = 0
    queued: int = _BEFORE
    cached: int = 0
    audio_end: int = 0
    """Inputs in front of the question."""
    answer: list[int] = field(default_factory=list)
    answered: int = 0

    @property
    def counts(self) -> StreamCounts:
        waiting = (self.samples + self.padding) // VIBEVOICE_ASR.geometry.hop - self.encoded
        return StreamCounts(waiting, self.encoded, self.queued, self.cached, self.answered)


@dataclass
class Speaker:
    """A StepRunner without a model. ``checkpoint``: a folder with the tokenizer that the server is to read."""

    step_seconds: float = 0.0
    checkpoint: Path = TINY

    def __post_init__(self) -> None:
        self._streams: dict[int, _Stream] = {}

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return Tokenizer.from_file(str(TINY / "tokenizer.json"))

    @cached_property
    def _stop(self) -> int:
        stop = self._tokenizer.token_to_id("<|endoftext|>")
        assert stop is not None
        return stop

    @property
    def info(self) -> RunnerInfo:
        return RunnerInfo(
            checkpoint="script",
            checkpoint_path=str(self.checkpoint),
            family=VIBEVOICE_ASR,
            page_size=_PAGE,
            pages=1 << 14,
            max_positions=1 << 17,
            stop_ids=frozenset({self._stop}),
            device="none",
            dtype="none",
            attention="none",
            draft_positions=_PAGE,
        )

    @property
    def free_pages(self) -> int:
        return self.info.pages - sum(-(-stream.cached // _PAGE) for stream in self._streams.values())

    def prompt_positions(self, frames: int, question: Question, *, system: str = "") -> int:
        return _BEFORE + frames + _AFTER

    def open(self, stream: int, level: Level, *, system: str = "") -> None:
        self._streams[stream] = _Stream()

    def fork(self, stream: int, of: int) -> None:
        """Nobody hears the same twice here."""
        raise CannotFork(str(of))

    def adapt(self, stream: int, adapter: str) -> None:
        raise ValueError(adapter)

    def append(self, stream: int, samples: Samples) -> None:
        state = self._streams[stream]
        state.samples, state.padding = state.samples + state.padding + samples.size, 0

    def pad(self, stream: int) -> None:
        state = self._streams[stream]
        state.padding = -state.samples % VIBEVOICE_ASR.geometry.hop

    def ask(self, stream: int, question: Question) -> str:
        state = self._streams[stream]
        text = "]" if question.prefix else answer_to(state.samples / VIBEVOICE_ASR.geometry.sample_rate)
        state.answer = [*self._tokenizer.encode(text, add_special_tokens=False).ids, self._stop]
        state.answered, state.audio_end = 0, state.cached + state.queued
        state.queued += _AFTER
        return question.prefix

    def crop(self, stream: int) -> None:
        state = self._streams[stream]
        if state.answer:
            state.answer, state.answered, state.cached = [], 0, min(state.cached, state.audio_end)
            state.queued = state.audio_end - state.cached

    def counts(self, stream: int) -> StreamCounts:
        return self._streams[stream].counts

    def launch(self, plan: StepPlan) -> PendingStep:
        time.sleep(self.step_seconds)
        emitted = []
        for row in plan.rows:
            state = self._streams[row.stream]
            state.queued -= row.positions
            state.cached += row.positions
            if state.answer and not state.queued:
                emitted.append(Emitted(row.stream, *self._next(state)))
        for work in plan.encode:
            state = self._streams[work.stream]
            state.encoded += work.frames
            state.queued += work.frames
        result = StepResult(tuple(emitted))
        return PendingStep(lambda: result)

    def _next(self, state: _Stream) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """The next tokens with their log-probabilities; guessed rightly, but for the last."""
        most = -(-len(state.answer) // _STEPS)
        tokens = tuple(state.answer[state.answered : state.answered + most])
        state.answered += len(tokens)
        state.cached += len(tokens) - 1
        state.queued = 1
        return tokens, (-0.5,) * len(tokens)

    def settle(self) -> None:
        """Nothing here is computed behind anybody's back."""

    def release(self, stream: int) -> None:
        del self._streams[stream]

    def check_integrity(self) -> None:
        """Nothing here can leak."""
