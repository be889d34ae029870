"""A scripted runner that does not end before it is let."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from model.seam.steps import StepResult
from model.seam.streams import Question
from tests.support.speaking_runner import SpeakingRunner

_HARDLY = 0.25
"""Seconds between two tokens: what is behind takes minutes."""


@dataclass
class ReluctantRunner(SpeakingRunner):
    """Says the beginning of an answer at once and what is behind it hardly, until a file is there.

    So a test that does something in the middle of an answer finds it in the middle, however slow the machine is.

    Attributes:
        beginning: a text as long as what is said at once.
        free: the file.
        said: tokens of the present answer, by stream.
    """

    beginning: str = ""
    free: Path = Path("nowhere")
    said: dict[int, int] = field(default_factory=dict)

    def ask(self, stream: int, question: Question) -> str:
        self.said[stream] = 0
        return super().ask(stream, question)

    def _spelled(self, result: StepResult) -> StepResult:
        for out in result.emitted:
            self.said[out.stream] += len(out.tokens)
        at_once = len(self.encoded(self.beginning))
        if any(self.said[out.stream] > at_once for out in result.emitted) and not self.free.exists():
            time.sleep(_HARDLY)
        return super()._spelled(result)
