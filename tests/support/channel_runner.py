"""A scripted runner that says something else on each channel of a recording."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from tests.support.speaking_runner import SpeakingRunner

Turn = tuple[float, float, int | None, str]
"""Start, end, speaker and content."""


def written(*turns: Turn) -> str:
    """An answer as the model writes it."""
    return json.dumps(
        [
            {"Start": start, "End": end, "Content": text} | ({} if speaker is None else {"Speaker": speaker})
            for start, end, speaker, text in turns
        ]
    )


def said(*answers: str) -> str:
    """The prompt that makes the channels answer like this, in their order; a channel that is not heard has none."""
    return json.dumps(answers)


@dataclass
class ChannelRunner(SpeakingRunner):
    """Streams of one prompt get the prompt's answers in turn."""

    asked: Counter[str] = field(default_factory=Counter)

    def tokens_of(self, context: str | None) -> list[int]:
        if context is None or not context.startswith('["'):
            return super().tokens_of(context)
        answers: list[str] = json.loads(context)
        self.asked[context] += 1
        return super().tokens_of(answers[(self.asked[context] - 1) % len(answers)])
