"""A scripted runner of text that goes on behind the segments that are forced, and needs no tokenizer of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from model.seam.streams import Question
from tests.support.speaking_runner import SpeakingRunner


def answer_of(segments: list[dict[str, Any]]) -> str:
    """As the model writes them; a context that begins so is the answer itself."""
    return json.dumps(segments, ensure_ascii=False, separators=(",", ":"))


@dataclass
class ResumingRunner(SpeakingRunner):
    """Of its answer it leaves out as many segments as are forced."""

    def ask(self, stream: int, question: Question) -> str:
        super().ask(stream, question)
        return question.prefix

    def answer_to(self, stream: int, question: Question) -> list[int]:
        told = json.loads(f"{question.prefix}]") if question.prefix else []
        context = question.context or ""
        segments = json.loads(context if context.startswith("[") else self.usual)
        rest = answer_of(segments[len(told) :])
        if told:
            rest = f",{rest[1:]}" if len(rest) > len("[]") else "]"
        return self.encoded(rest)
