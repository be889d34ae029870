"""What answers cost."""

from __future__ import annotations

from collections.abc import Iterable

from server.engine.messages import AnswerDone
from server.transcript.segments import Usage


def usage_of(answers: Iterable[AnswerDone]) -> Usage:
    """Of all together."""
    done = list(answers)
    audio = sum(each.audio_tokens for each in done)
    prompts = sum(each.prompt_tokens for each in done)
    return Usage(audio, prompts - audio, sum(each.answer_tokens for each in done))
