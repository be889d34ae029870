"""What the worker tells of streams whose trace is sampled."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from server.engine.messages import AskStream, CloseStream, FailureCode, OpenStream, StreamTrace
from tests.server.engine.scripted_loop import (
    LIVE,
    Bench,
    Script,
    asking,
    frames_of_audio,
    live_stream,
    opening,
    whole,
)
from tests.support.scripted_runner import AFTER, BEFORE, ScriptedRunner, Trouble

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def traced(opened: object, trace: str | None = TRACE) -> OpenStream:
    assert isinstance(opened, OpenStream)
    return replace(opened, trace=trace)


def traces(bench: Bench) -> list[StreamTrace]:
    return [message for message in bench.sent if isinstance(message, StreamTrace)]


def told(bench: Bench, *messages: object) -> StreamTrace:
    def script() -> Script:
        yield list(messages)  # type: ignore[arg-type]
        yield from bench.until_rest()

    bench.run(script())
    [trace] = traces(bench)
    return trace


def test_the_time_of_a_file_goes_into_phases_that_follow_each_other() -> None:
    bench = Bench()
    opened, audio, ask = whole(1, frames=300, answer=7)
    trace = told(bench, traced(opened), audio, ask)
    assert (trace.trace, trace.request_id, trace.failure) == (TRACE, "r1", None)
    assert [phase.name for phase in trace.phases] == ["queue", "encode", "prefill", "generate"]
    assert (trace.phases[0].began, trace.phases[-1].ended) == (trace.began, trace.ended)
    assert all(one.ended == next_one.began for one, next_one in pairwise(trace.phases))
    assert all(phase.ended >= phase.began for phase in trace.phases)
    steps = {phase.name: phase.steps for phase in trace.phases}
    assert steps["queue"] == 0
    assert steps["encode"] >= 2, "150 frames a step"
    assert steps["generate"] == 7, "a token a step after the first, and the stop token"
    assert trace.steps == sum(steps.values()) == len(bench.runner.plans)
    assert (trace.answers, trace.answer_tokens) == (1, 7)


def test_a_wait_is_a_phase_of_its_own() -> None:
    bench = Bench(ScriptedRunner(pages=-(-(BEFORE + 2 + AFTER + 40) // 8)))
    first, second = opening(1, frames=2, answer=30), traced(opening(2, frames=2, answer=3))
    trace = told(bench, first, frames_of_audio(1, 2), asking(first), second, frames_of_audio(2, 2), asking(second))
    queue = trace.phases[0]
    assert (queue.name, queue.steps) == ("queue", 0)
    assert queue.ended - queue.began > 0.8 * (trace.ended - trace.began)


def test_a_stream_that_is_asked_again_and_again_has_its_sums_and_no_phases() -> None:
    bench = Bench()

    def script() -> Script:
        [opened] = live_stream(1, answer=5)
        yield [traced(opened), frames_of_audio(1, 8), AskStream(1, LIVE)]
        yield from bench.until(lambda: len(bench.ends(1)) == 1)
        yield [frames_of_audio(1, 8), AskStream(1, LIVE)]
        yield from bench.until(lambda: len(bench.ends(1)) == 2)
        assert traces(bench) == []
        yield [CloseStream(1)]

    bench.run(script())
    [trace] = traces(bench)
    assert (trace.answers, trace.answer_tokens) == (2, 10)
    assert [phase.name for phase in trace.phases] == ["queue"]
    assert trace.steps == len(bench.runner.plans)


def test_a_failure_is_told() -> None:
    opened, audio, ask = whole(1, context=Trouble.OUT_OF_MEMORY)
    trace = told(Bench(), traced(opened), audio, ask)
    assert trace.failure is FailureCode.OUT_OF_MEMORY
    assert [phase.name for phase in trace.phases] == ["queue", "encode", "prefill"]


def test_a_stream_that_is_closed_while_it_waits_has_waited() -> None:
    trace = told(Bench(ScriptedRunner()), traced(opening(1)), CloseStream(1))
    assert [phase.name for phase in trace.phases] == ["queue"]
    assert (trace.answers, trace.steps) == (0, 0)


@pytest.mark.parametrize("trace", [None, TRACE[:-2] + "00", TRACE[:-2] + "02"])
def test_nothing_is_told_of_streams_whose_trace_is_not_sampled(trace: str | None) -> None:
    bench = Bench()
    opened, audio, ask = whole(1)

    def script() -> Script:
        yield [traced(opened, trace), audio, ask]
        yield from bench.until_rest()

    bench.run(script())
    assert len(bench.ends()) == 1
    assert traces(bench) == []
