"""A stream is asked again and again: each question is its own, may be taken back, and shares what is reserved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.seam.steps import StepSizes
from model.seam.streams import Question
from server.engine.messages import (
    AppendAudio,
    AskStream,
    CloseStream,
    CropStream,
    EndReason,
    FailureCode,
)
from server.engine.settings import EngineSettings
from tests.server.engine.scripted_loop import (
    LIVE,
    Bench,
    Script,
    asking,
    audio,
    done,
    failed,
    frames_of_audio,
    live_stream,
    opening,
    whole,
)
from tests.support.scripted_runner import AFTER, BEFORE, FIRST, ScriptedRunner


def test_a_stream_is_asked_again_and_again() -> None:
    bench = Bench()

    def script() -> Script:
        yield live_stream(1, answer=5)
        for update in range(1, 4):
            yield [frames_of_audio(1, 7)]
            yield from bench.until_rest()
            yield [frames_of_audio(1, 1), AskStream(1, LIVE)]
            yield from bench.until(lambda: len(bench.ends()) == update)  # noqa: B023 - run at once
        yield [CloseStream(1)]
        yield from bench.until_rest()

    bench.run(script())
    ends = [done(end) for end in bench.ends()]
    assert [(end.reason, end.audio_tokens, end.forced) for end in ends] == [
        (EndReason.STOP, heard, "") for heard in (8, 16, 24)
    ]
    assert bench.tokens(1) == [FIRST + i for i in range(5)] * 3
    assert all(0 < end.first_token_seconds < end.total_seconds < 30 for end in ends), "each by itself"
    assert bench.stats.pages_used == 0
    assert bench.runner.streams == {}


def test_each_question_of_a_stream_is_its_own() -> None:
    """Its length, its limit, its forced start: nothing is left of the question before."""
    bench = Bench()
    questions = [Question(seed=9, max_tokens=4), Question(seed=2, prefix="xy"), Question(seed=3, max_tokens=3)]

    def script() -> Script:
        yield [*live_stream(1, answer=5), frames_of_audio(1, 8)]
        for count, question in enumerate(questions, start=1):
            yield [AskStream(1, question, last=count == 3)]
            yield from bench.until(lambda: len(bench.ends()) == count)  # noqa: B023 - run at once
        assert bench.runner.streams == {}, "the last question ends the stream"
        yield from bench.until_rest()

    bench.run(script())
    ends = [done(end) for end in bench.ends()]
    assert [(end.reason, end.answer_tokens, end.forced) for end in ends] == [
        (EndReason.LENGTH, 4, ""),
        (EndReason.STOP, 2, "xy"),
        (EndReason.STOP, 3, ""),
    ]


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("drafts", [0, 3])
def test_a_question_that_was_taken_back_leaves_the_audio(ahead: bool, drafts: int) -> None:
    bench = Bench(ScriptedRunner(launches_ahead=ahead, drafts=drafts))

    def script() -> Script:
        yield [*live_stream(1, answer=5), frames_of_audio(1, 8), AskStream(1, replace(LIVE, seed=15))]
        yield from bench.until(lambda: len(bench.tokens(1)) > 2)
        told = len(bench.tokens(1))
        yield [CropStream(1), CropStream(1), frames_of_audio(1, 2), AskStream(1, LIVE)]
        yield from bench.until(lambda: len(bench.ends()) == 2)
        assert bench.tokens(1)[told:] == [FIRST + i for i in range(5)], "a token of the answer before"
        yield [CropStream(1)]
        yield from bench.until_rest()

    bench.run(script())
    ends = [(done(end).reason, done(end).audio_tokens) for end in bench.ends()]
    assert ends == [(EndReason.CROPPED, 8), (EndReason.STOP, 10)]


def test_a_question_that_waits_for_its_audio_can_be_taken_back() -> None:
    bench = Bench(settings=EngineSettings(steps=StepSizes(encode_frames=1)))

    def script() -> Script:
        yield [*live_stream(1, answer=5), frames_of_audio(1, 30), AskStream(1, LIVE)]
        yield [CropStream(1)]
        yield from bench.until_rest()
        yield [AskStream(1, LIVE, last=True)]
        yield from bench.until_rest()

    bench.run(script())
    assert [done(end).reason for end in bench.ends()] == [EndReason.CROPPED, EndReason.STOP]
    assert len(bench.tokens(1)) == 5


def test_a_question_while_another_stands_fails_the_stream_alone() -> None:
    bench = Bench()

    def script() -> Script:
        yield [*live_stream(1, answer=5), frames_of_audio(1, 8), AskStream(1, LIVE), AskStream(1, LIVE)]
        yield whole(2)
        yield from bench.until_rest()

    bench.run(script())
    assert failed(bench.ends(1)[0]).code is FailureCode.INTERNAL
    assert done(bench.ends(2)[0]).reason is EndReason.STOP


@pytest.mark.parametrize(("whole_frames", "heard"), [(True, [2, 4]), (False, [1, 3])])
def test_a_started_frame_is_heard_where_that_is_asked(whole_frames: bool, heard: list[int]) -> None:
    """1.5 frames, twice: filled up they are two and two more, otherwise the second half joins the first."""
    bench = Bench()
    question = replace(LIVE, whole=whole_frames)

    def script() -> Script:
        yield live_stream(1, answer=2)
        for count in (1, 2):
            yield [AppendAudio(1, audio(1.5)), AskStream(1, question)]
            yield from bench.until(lambda: len(bench.ends()) == count)  # noqa: B023 - run at once

    bench.run(script())
    assert [done(end).audio_tokens for end in bench.ends()] == heard


def test_the_forced_start_and_the_answer_share_the_reservation() -> None:
    """Pages are reserved for prompt and answer; a stream that was told much already may say the less."""
    bench = Bench()
    endless = replace(LIVE, seed=50)

    def script() -> Script:
        opened = live_stream(1, answer=50, frames=8)
        yield [*opened, frames_of_audio(1, 8), AskStream(1, replace(endless, prefix="x" * 15))]
        yield from bench.until(lambda: len(bench.ends()) == 1)
        yield [AskStream(1, endless)]
        yield from bench.until(lambda: len(bench.ends()) == 2)
        yield [CloseStream(1)]

    bench.run(script())
    assert [done(end).reason for end in bench.ends()] == [EndReason.LENGTH] * 2
    assert [done(end).forced for end in bench.ends()] == ["x" * 15, ""]
    assert len(bench.tokens(1)) == 5 + 20


def test_a_forced_start_beyond_the_reservation_is_an_answer_cut_at_once() -> None:
    """Neither computed, for there are no pages for it, nor waited for without end."""
    bench = Bench(ScriptedRunner(pages=BEFORE + 8 + AFTER + 20, page_size=1))

    def script() -> Script:
        opened = live_stream(1, answer=5, frames=8)
        yield [*opened, frames_of_audio(1, 8), AskStream(1, replace(LIVE, prefix="x" * 21))]
        yield from bench.until(lambda: len(bench.ends()) == 1)
        yield [AskStream(1, replace(LIVE, prefix="x" * 20))]
        yield from bench.until(lambda: len(bench.ends()) == 2)
        yield [AskStream(1, LIVE, last=True)]
        yield from bench.until_rest()

    bench.run(script())
    ends = [(done(end).reason, done(end).answer_tokens) for end in bench.ends()]
    assert ends == [(EndReason.LENGTH, 0), (EndReason.LENGTH, 0), (EndReason.STOP, 5)]
    assert bench.runner.streams == {}


def test_live_streams_go_first_and_do_not_take_the_rows_of_files() -> None:
    steps = StepSizes(max_rows=1, prefill_positions=40, encode_frames=16)
    bench = Bench(ScriptedRunner(pages=500), EngineSettings(steps=steps))

    def script() -> Script:
        files = [opening(n, frames=200, answer=3, limit=20) for n in (1, 2)]
        yield [*files, *(frames_of_audio(n, 200) for n in (1, 2))]
        yield [*live_stream(3, answer=2), frames_of_audio(3, 8), AskStream(3, replace(LIVE, seed=2))]
        yield from bench.until(lambda: bool(bench.ends(3)))
        assert 2 not in {work.stream for plan in bench.runner.plans for work in plan.rows}, "two files in one row"
        yield [CloseStream(3), *map(asking, files)]
        yield from bench.until(lambda: len(bench.ends()) == 3)

    bench.run(script())
    heard = next(i for i, plan in enumerate(bench.runner.plans) if 3 in {work.stream for work in plan.encode})
    assert next((work.stream, work.frames) for work in bench.runner.plans[heard].encode) == (3, 8)
    assert sum(3 in {work.stream for work in plan.encode} for plan in bench.runner.plans) == 1
    assert all(done(end).reason is EndReason.STOP for end in bench.ends())
