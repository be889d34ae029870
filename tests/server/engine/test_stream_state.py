"""What is told of a stream that ends."""

from __future__ import annotations

from server.engine.messages import EndReason
from tests.server.engine.test_scheduler import make_stream


def test_a_stream_that_ends_before_it_was_asked_has_no_prompt_and_no_answer() -> None:
    done = make_stream(1).end_answer(EndReason.CROPPED, now=4.0)
    assert (done.forced, done.prompt_tokens, done.answer_tokens) == ("", 0, 0)
    assert (done.queue_seconds, done.first_token_seconds, done.total_seconds) == (0.0, 4.0, 4.0)
