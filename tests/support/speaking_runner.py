"""A scripted runner whose answers are text of the tiny checkpoint's vocabulary, so that the API can be tested by words.

A request's prompt decides: one that begins with ``[`` is the answer itself, and what ``scripted_runner.Trouble`` names
happens. All other requests get ``ANSWER``.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer

from model.seam.runner import RunnerInfo
from model.seam.steps import PendingStep, StepPlan, StepResult
from model.seam.streams import Question
from tests.support.processes import ROOT
from tests.support.scripted_runner import FIRST, STOP, ScriptedRunner, as_context

CHECKPOINT = ROOT / "model" / "tiny" / "checkpoint"
SEGMENTS = [
    {"Start": 0, "End": 1.2, "Speaker": 0, "Content": "Good morning, Ms. Grün."},
    {"Start": 1.2, "End": 1.9, "Content": "[Silence]"},
    {"Start": 1.9, "End": 2.5, "Speaker": 1, "Content": "Morning! 3 < 4 & so on."},
    {"Start": 2.5, "End": 3.0, "Speaker": 0, "Content": "Right."},
]
ANSWER = json.dumps(SEGMENTS, ensure_ascii=False, separators=(",", ":"))
TEXT = " ".join(str(segment["Content"]) for segment in SEGMENTS if "Speaker" in segment)


def endless_answer() -> str:
    """An answer that is cut by the length limit of every short recording. It does not run in circles."""
    content = " ".join(random_words(1000))
    return json.dumps([{"Start": 0, "End": 1, "Speaker": 0, "Content": f"on and on {content}"}])


def random_words(count: int) -> list[str]:
    """The same every time, and each another one."""
    letters = random.Random(1)
    return ["".join(letters.choices("abdeiklmnoprstu", k=5)) for _ in range(count)]


def hour_long_answer() -> str:
    """As much as two people say in an hour, each time something else."""
    words = random.Random(2)
    said = ["good", "morning", "Ms.", "Grün", "how", "are", "you", "quite", "well", "what", "did", "others", "nothing"]
    turns = [
        {"Start": start, "End": start + 5, "Speaker": turn % 2, "Content": " ".join(words.choices(said, k=7)) + "."}
        for turn, start in enumerate(range(0, 3600, 5))
    ]
    return json.dumps(turns, ensure_ascii=False, separators=(",", ":"))


@cache
def _tokenizer(checkpoint: Path) -> Tokenizer:
    return Tokenizer.from_file(str(checkpoint / "tokenizer.json"))


@cache
def _end_of_text(checkpoint: Path) -> int:
    token = _tokenizer(checkpoint).token_to_id("<|endoftext|>")
    assert token is not None
    return token


@dataclass
class SpeakingRunner(ScriptedRunner):
    """Attributes:
    checkpoint: the folder whose vocabulary it speaks.
    usual: its answer where nothing else is asked for.
    spoken: by stream, the answer's tokens.
    """

    pages: int = 4096
    checkpoint: Path = CHECKPOINT
    usual: str = ANSWER
    spoken: dict[int, list[int]] = field(default_factory=dict)

    @property
    def info(self) -> RunnerInfo:
        stop = frozenset({_end_of_text(self.checkpoint)})
        return replace(super().info, checkpoint_path=str(self.checkpoint), stop_ids=stop)

    def ask(self, stream: int, question: Question) -> str:
        question = as_context(question)
        spoken, begun = self.answer_to(stream, question), len(question.begun)
        assert question.begun == tuple(spoken[:begun]), "it was never given"
        self.spoken[stream] = spoken
        prefix = self.positions_of(question.prefix)
        scripted = replace(question, prefix=prefix, seed=len(spoken), begun=tuple(range(FIRST, FIRST + begun)))
        return super().ask(stream, scripted)

    def positions_of(self, prefix: str) -> str:
        """As many characters as positions are taken by what is forced."""
        return prefix

    def answer_to(self, stream: int, question: Question) -> list[int]:
        """The tokens of its answer behind what is forced."""
        return self.tokens_of(question.context)

    def tokens_of(self, context: str | None) -> list[int]:
        """Its answer to a question with this context."""
        return self.encoded(context if context and context.startswith("[") else self.usual)

    def encoded(self, text: str) -> list[int]:
        """Text in its tokens."""
        return _tokenizer(self.checkpoint).encode(text, add_special_tokens=False).ids

    def launch(self, plan: StepPlan) -> PendingStep:
        pending = super().launch(plan)
        return replace(pending, read=lambda: self._spelled(pending.read()))

    def _spelled(self, result: StepResult) -> StepResult:
        return StepResult(
            tuple(
                replace(
                    out,
                    tokens=tuple(self._spell(out.stream, token) for token in out.tokens),
                    likeliest=tuple(
                        tuple((self._spell(out.stream, token), logprob) for token, logprob in place)
                        for place in out.likeliest
                    ),
                )
                for out in result.emitted
            )
        )

    def _spell(self, stream: int, token: int) -> int:
        return _end_of_text(self.checkpoint) if token == STOP else self.spoken[stream][token - FIRST]


def load_when_it_exists(path: Path) -> SpeakingRunner:
    """A factory that takes until a file appears."""
    while not path.exists():
        time.sleep(0.01)
    return SpeakingRunner()


def load_once(path: Path, step_seconds: float = 0.0) -> SpeakingRunner:
    """A factory that works until it has left a file."""
    if path.exists():
        raise ValueError("the checkpoint is gone")
    path.touch()
    return SpeakingRunner(step_seconds=step_seconds)


@dataclass
class MuteRunner(SpeakingRunner):
    """Names a folder without a tokenizer."""

    @property
    def info(self) -> RunnerInfo:
        return replace(super().info, checkpoint_path="/nowhere")
