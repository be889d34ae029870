"""Where a stream stands, and what is told of one that ends."""

from __future__ import annotations

from dataclasses import replace

from server.engine.messages import EndReason
from server.engine.worker.stream import Phase
from tests.server.engine.test_scheduler import ask, make_stream


def test_a_stream_that_ends_before_it_was_asked_has_no_prompt_and_no_answer() -> None:
    done = make_stream(1).end_answer(EndReason.CROPPED, now=4.0)
    assert (done.forced, done.prompt_tokens, done.answer_tokens) == ("", 0, 0)
    assert (done.queue_seconds, done.first_token_seconds, done.total_seconds) == (0.0, 4.0, 4.0)


def test_a_stream_moves_on_by_its_pages_its_question_and_its_inputs() -> None:
    stream = make_stream(1, waiting=10)
    ask(stream)
    assert (stream.phase, stream.ready_to_ask) == (Phase.WAITING, False)
    stream.pages = 4
    assert (stream.phase, stream.ready_to_ask) == (Phase.LISTENING, False)
    stream.counts = replace(stream.counts, waiting=0, encoded=10)
    assert (stream.phase, stream.ready_to_ask) == (Phase.LISTENING, True)
    stream.begin_answer(stream.spec.question, forced="")
    stream.counts = replace(stream.counts, queued=2)
    assert (stream.phase, stream.ready_to_ask) == (Phase.PREFILLING, False)
    stream.counts = replace(stream.counts, queued=1)
    assert stream.phase is Phase.DECODING
    stream.end_answer(EndReason.STOP, now=1.0)
    assert (stream.phase, stream.ready_to_ask) == (Phase.LISTENING, False)


def test_a_stream_that_waits_is_not_asked_even_about_no_audio() -> None:
    stream = make_stream(1, frames=0)
    ask(stream)
    assert not stream.ready_to_ask
    stream.pages = 4
    assert stream.ready_to_ask
