"""A scripted runner with the real model's bad habits, on command and at random.

It writes what is said in the audio it gets, a talk of ``tests.support.talks``, and goes on behind whatever is forced or
was given before. The context commands (``tests.support.habits``): at a turn it loops, goes blank, jumps in time,
invents speakers, until it is asked in the way that cures it. It speaks any checkpoint's vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.family.vibevoice_asr.geometry import HOP
from model.seam.audio import SAMPLE_RATE, Samples
from model.seam.steps import PendingStep, StepPlan
from model.seam.streams import Question
from tests.support.habits import SLOWLY, Bad, EndOfAnswerError, beginning, indulge, ordered
from tests.support.script_writer import Entry, Pen, Written
from tests.support.scripted_runner import FIRST, ScriptedRunner, as_context
from tests.support.speaking_runner import SpeakingRunner
from tests.support.speller import Speller
from tests.support.talks import Heard, Said, heard_in

if TYPE_CHECKING:
    from tests.support.author import Author

GIVEN_UP = "[Unintelligible Speech]"
_SLOW_STEP = 0.003
_CHARACTERS_OF_TOKEN = 12
"""At most, of what is written here."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Writes one answer: what it hears of a talk, how long its audio is, and what it cannot help doing where."""

    talk: Sequence[Said]
    heard: Sequence[Heard]
    seconds: float
    context: str | None
    bad: dict[int, Bad]

    def rest(self, prefix: str, answer: str) -> Iterator[str]:
        """What follows ``answer``, which begins with the segments of ``prefix``; without end where a habit has none.

        What of the prefix could not be forced, for what follows it, is written first.
        """
        if prefix.startswith(answer):
            yield prefix[len(answer) :]
            answer = prefix
        written = Written.of(answer)
        pen = Pen(answer, written)
        try:
            for turn in self._coming(Written.of(prefix), written):
                said = self.talk[turn.turn]
                entry = Entry(turn.start, turn.end, said.speaker, said.text)
                if (bad := self.bad.get(turn.turn)) is None:
                    yield pen.segment(entry)
                else:
                    yield from indulge(bad.habit, entry, pen, self.context, self.seconds)
        except EndOfAnswerError:
            return
        if pen.in_segment:
            yield pen.segment(Entry(self.seconds, self.seconds, None, "[Silence]"))
        if not written.closed:
            yield pen.closed()

    def _coming(self, prefix: Written, written: Written) -> list[Heard]:
        """The turns that are neither written nor given up, nor passed over by a beginning of what follows."""
        done = max(prefix.until(), written.until(GIVEN_UP))
        begun = written.open_start if written.open_start is not None else done
        return [
            turn
            for turn in self.heard
            if not written.tells(beginning(self.talk[turn.turn].text))
            and (turn.start + turn.end) / 2 > max(done, begun)
        ]


@dataclass
class HabitualRunner(SpeakingRunner):
    """Attributes:
    talk: what is said in all the audio.
    forced: questions come with segments that answers must begin with, for which Transformers is loaded at once.
    """

    talk: Sequence[Said] = ()
    forced: bool = True
    heard: dict[int, list[Samples]] = field(default_factory=dict)
    slow: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._speller = Speller(self.checkpoint)
        self._author = _author(self.checkpoint) if self.forced else None

    def append(self, stream: int, samples: Samples) -> None:
        self.heard.setdefault(stream, []).append(samples)
        super().append(stream, samples)

    def fork(self, stream: int, of: int) -> None:
        super().fork(stream, of)
        self.heard[stream] = [*self.heard.get(of, [])]

    def release(self, stream: int) -> None:
        super().release(stream)
        self.heard.pop(stream, None)
        self.slow.discard(stream)

    def launch(self, plan: StepPlan) -> PendingStep:
        self.step_seconds = _SLOW_STEP if self.slow else 0.0
        return super().launch(plan)

    def ask(self, stream: int, question: Question) -> str:
        question = as_context(question)
        if SLOWLY in (question.context or ""):
            self.slow.add(stream)
        forced = self._author.forced(question.prefix) if self._author else []
        begun = question.begun
        rest = self._rest(stream, question, [*forced, *begun], len(begun))
        spoken = [*begun, *rest]
        self.spoken[stream] = spoken
        scripted = Question(
            prefix=question.prefix,
            seed=len(spoken),
            begun=tuple(range(FIRST, FIRST + len(begun))),
            likeliest=question.likeliest,
        )
        ScriptedRunner.ask(self, stream, scripted)
        return self._speller.spelled(forced)[0]

    def _rest(self, stream: int, question: Question, before: list[int], begun: int) -> list[int]:
        """The tokens of the answer behind those of ``before``, no more than may be given."""
        text, torn = self._speller.spelled(before)
        room = question.max_tokens - begun
        samples = np.concatenate(self.heard.get(stream, [np.zeros(0, np.float32)]))
        samples = samples[: self.streams[stream].frames_taken * HOP]
        bad = {
            turn: bad
            for turn, bad in ordered(question.context, len(self.talk)).items()
            if bad.persists(temperature=question.temperature, behind=begun > 0)
        }
        listener = Listener(self.talk, heard_in(samples, self.talk), samples.size / SAMPLE_RATE, question.context, bad)
        written = ""
        for piece in listener.rest(question.prefix, text):
            written += piece
            if len(written) > room * _CHARACTERS_OF_TOKEN:
                break
        return self._speller.tokens(written, torn=torn)[: room + 1]


def _author(checkpoint: Path) -> Author:
    from tests.support.author import Author  # it brings Transformers, which nobody else here needs

    return Author(checkpoint)
