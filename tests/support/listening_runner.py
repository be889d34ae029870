"""A scripted runner for live sessions: it says what was said in the audio that it has, from whatever is forced on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from model.audio import HOP, SAMPLE_RATE
from model.steps import Asked, Question
from tests.support.author import Author
from tests.support.speaking_runner import SpeakingRunner


class Said(NamedTuple):
    """One turn of a talk; times in seconds of its audio."""

    start: float
    end: float
    speaker: int
    text: str


def answer_to(talk: Sequence[Said], seconds: float) -> str:
    """The whole answer to the first ``seconds`` of a talk, as models write it. A turn is heard when it is over."""
    turns = [
        {"Start": turn.start, "End": turn.end, "Speaker": turn.speaker, "Content": turn.text}
        for turn in talk
        if turn.end <= seconds
    ]
    return json.dumps(turns, ensure_ascii=False, separators=(",", ":"))


@dataclass
class ListeningRunner(SpeakingRunner):
    """A stream's context names the talk that it hears.

    Attributes:
        talks: what is said in them.
    """

    talks: Mapping[str, Sequence[Said]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._author = Author(self.checkpoint)

    def ask(self, stream: int, question: Question = Question()) -> Asked:  # noqa: B008 - frozen
        state, context = self.streams[stream], self.streams[stream].spec.context
        if context not in self.talks:  # nobody's: the worker warms up
            return super().ask(stream, question)
        forced = self._author.forced(question.prefix)
        answer = answer_to(self.talks[context], state.frames_taken * HOP / SAMPLE_RATE)
        self.spoken[stream] = self._author.rest(forced, answer)
        state.spec = replace(state.spec, seed=len(self.spoken[stream]))
        return replace(super().ask(stream, question), forced=self._author.prompt.text(forced))
