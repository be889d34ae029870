"""What several attempts at one answer cost."""

from __future__ import annotations

from dataclasses import replace

from server.engine.messages import AnswerDone


def together(before: AnswerDone, last: AnswerDone) -> AnswerDone:
    """The end of the last attempt, with the time of those before."""
    return replace(
        last,
        queue_seconds=before.queue_seconds + last.queue_seconds,
        first_token_seconds=before.first_token_seconds,
        total_seconds=before.total_seconds + last.total_seconds,
    )
