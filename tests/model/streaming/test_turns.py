"""Audio and text by turns: token for token what straight computation gives, however the audio comes."""

from __future__ import annotations

import numpy as np
import pytest

from model.loading.checkpoint import Checkpoint
from model.runner.runner import Runner
from model.seam.audio import Level, Samples
from model.seam.steps import EncodeWork, RowWork, StepPlan
from model.seam.streams import Question
from model.start import make_runner
from tests.model.streaming.by_hand import ByHand

POSITIONS = 4096


@pytest.fixture
def runner(streaming: Checkpoint) -> Runner:
    return make_runner(streaming, kv_positions=POSITIONS)


@pytest.fixture(scope="module")
def expected(by_hand: ByHand, talk: Samples) -> list[int]:
    return flat(by_hand.answer(talk), by_hand.turn_end)


def flat(turns: list[list[int]], end: int) -> list[int]:
    return [token for turn in turns for token in (*turn, end)]


def encode(runner: Runner, stream: int, rng: np.random.Generator | None = None) -> None:
    """All that waits, in parts of random sizes."""
    while waiting := runner.counts(stream).waiting:
        frames = waiting if rng is None else int(rng.integers(1, waiting + 1))
        runner.step(StepPlan(encode=(EncodeWork(stream, frames),)))


def read(runner: Runner, stream: int, most: int | None = None) -> list[int]:
    """The tokens of an answer to its end, or some of them."""
    answer: list[int] = []
    while (most is None or len(answer) < most) and not (answer and answer[-1] in runner.info.stop_ids):
        for emitted in runner.step(StepPlan(rows=(RowWork(stream, runner.counts(stream).queued),))).emitted:
            answer += emitted.tokens
    return [token for token in answer if token not in runner.info.stop_ids]


def hear(runner: Runner, stream: int, samples: Samples, rng: np.random.Generator | None = None) -> None:
    runner.open(stream, Level())
    runner.append(stream, samples)
    runner.pad(stream)
    encode(runner, stream, rng)


def test_a_recording_says_what_straight_computation_says(runner: Runner, talk: Samples, expected: list[int]) -> None:
    hear(runner, 1, talk)
    counts = runner.counts(1)
    assert counts.encoded == runner.info.geometry.frames(talk.size)
    runner.ask(1)
    assert read(runner, 1) == expected
    assert len(expected) > 20
    runner.release(1)
    runner.check_integrity()
    assert runner.free_pages == runner.info.pages


def test_what_is_reserved_is_what_it_takes(runner: Runner, talk: Samples, expected: list[int]) -> None:
    hear(runner, 1, talk)
    positions = runner.prompt_positions(runner.counts(1).encoded, Question())
    runner.ask(1)
    counts = runner.counts(1)
    assert counts.cached + counts.queued + counts.later == positions
    read(runner, 1)
    assert runner.counts(1).cached == positions + len(expected) - 1  # the last turn's end is known, and not computed


def test_a_context_stands_in_the_prompt(runner: Runner, by_hand: ByHand, talk: Samples) -> None:
    hear(runner, 1, talk[:100_000])
    runner.ask(1, Question(context="Sarah, Kathryn"))
    assert read(runner, 1) == flat(by_hand.answer(talk[:100_000], context="Sarah, Kathryn"), by_hand.turn_end)


@pytest.mark.parametrize("seed", range(3))
def test_it_says_the_same_while_it_hears(runner: Runner, talk: Samples, expected: list[int], seed: int) -> None:
    """Audio in random pieces, windows encoded in random parts, a question whenever a window is whole."""
    rng = np.random.default_rng(seed)
    runner.open(1, Level())
    said: list[int] = []
    fed = 0
    while fed < talk.size:
        block = talk[fed : fed + int(rng.integers(1, 90_000))]
        fed += block.size
        runner.append(1, block)
        if fed == talk.size:
            runner.pad(1)
        if runner.counts(1).waiting:
            encode(runner, 1, rng)
            cached = runner.counts(1).cached
            runner.ask(1, Question(begun=tuple(said), whole=fed == talk.size))
            assert runner.counts(1).cached in (cached, max(0, cached - 1))  # nothing is computed again
            said += read(runner, 1)
            runner.crop(1)
    assert said == expected


def test_streams_beside_each_other_say_what_they_say_alone(
    runner: Runner, by_hand: ByHand, talk: Samples, expected: list[int]
) -> None:
    clips = {1: talk, 2: talk[40_000:160_000], 3: talk[100_000:]}
    for number, clip in clips.items():
        runner.open(number, Level())
        runner.append(number, clip)
        runner.pad(number)
    while waiting := {n: w for n in clips if (w := runner.counts(n).waiting)}:
        runner.step(StepPlan(encode=tuple(EncodeWork(n, min(30, w)) for n, w in waiting.items())))
    for number in clips:
        runner.ask(number)
    answers: dict[int, list[int]] = {number: [] for number in clips}
    while asked := [n for n, answer in answers.items() if not answer or answer[-1] not in runner.info.stop_ids]:
        rows = tuple(RowWork(number, runner.counts(number).queued) for number in asked)
        for emitted in runner.step(StepPlan(rows=rows)).emitted:
            answers[emitted.stream] += emitted.tokens
    assert answers[1][:-1] == expected
    for number in (2, 3):
        assert answers[number][:-1] == flat(by_hand.answer(clips[number]), by_hand.turn_end)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.65, 1.0])
def test_another_runner_goes_on_where_one_was(
    runner: Runner, streaming: Checkpoint, talk: Samples, expected: list[int], share: float
) -> None:
    """A worker that died: the next one gets the audio and the tokens so far, inside a turn or between two."""
    begun = expected[: round(share * len(expected))]
    hear(runner, 1, talk)
    runner.ask(1, Question(begun=tuple(begun)))
    assert begun + read(runner, 1) == expected


def test_a_question_taken_back_in_a_turn_goes_on_there(runner: Runner, talk: Samples, expected: list[int]) -> None:
    hear(runner, 1, talk)
    runner.ask(1)
    begun = read(runner, 1, most=len(expected) // 2)
    runner.crop(1)
    runner.ask(1, Question(begun=tuple(begun)))
    assert begun + read(runner, 1) == expected


@pytest.mark.parametrize("kept", [0, 2])
def test_a_turn_that_is_ended_for_it_is_followed_by_the_next(
    runner: Runner, streaming: Checkpoint, talk: Samples, expected: list[int], kept: int
) -> None:
    """Whoever reads the answer cuts it within a window: what is in the KV cache stays, the window's frames too."""
    (end,) = {token for token in expected if streaming.family.turns and token == streaming.family.turns.end}
    begun = (*expected[:kept], end)
    hear(runner, 1, talk)
    runner.ask(1)
    read(runner, 1, most=4)
    runner.crop(1)
    runner.ask(1, Question(begun=begun))
    fresh = make_runner(streaming, kv_positions=POSITIONS)
    hear(fresh, 1, talk)
    fresh.ask(1, Question(begun=begun))
    assert runner.counts(1).cached > len(runner._prompt.before_audio) + runner.info.geometry.frames(1)
    assert read(runner, 1) == read(fresh, 1)


def test_a_turn_may_be_ended_when_the_next_is_being_written(
    runner: Runner, streaming: Checkpoint, talk: Samples, expected: list[int]
) -> None:
    """Whoever reads is behind: by the time that the question is taken back the model has gone on."""
    assert streaming.family.turns is not None
    begun = (*expected[:2], streaming.family.turns.end)
    hear(runner, 1, talk)
    runner.ask(1)
    read(runner, 1, most=expected.index(streaming.family.turns.end) + 3)
    runner.crop(1)
    runner.ask(1, Question(begun=begun))
    fresh = make_runner(streaming, kv_positions=POSITIONS)
    hear(fresh, 1, talk)
    fresh.ask(1, Question(begun=begun))
    assert read(runner, 1) == read(fresh, 1)


def test_a_question_taken_back_before_it_is_computed_can_be_put_again(
    runner: Runner, talk: Samples, expected: list[int]
) -> None:
    hear(runner, 1, talk)
    for _ in range(2):
        runner.ask(1, Question(begun=tuple(expected[:-1])))
        runner.crop(1)
    runner.ask(1, Question(begun=tuple(expected[:-1])))
    assert expected[:-1] + read(runner, 1) == expected


def test_a_turn_that_does_not_end_is_ended(streaming: Checkpoint, by_hand: ByHand, talk: Samples) -> None:
    runner = make_runner(streaming, kv_positions=POSITIONS)
    runner._longest = 2  # type: ignore[attr-defined]
    hear(runner, 1, talk)
    runner.ask(1)
    assert read(runner, 1) == flat(by_hand.answer(talk, longest=2), by_hand.turn_end)


def test_what_is_louder_is_heard_louder(runner: Runner, talk: Samples) -> None:
    """These models hear audio as it is."""
    hear(runner, 1, talk[:50_000])
    runner.open(2, Level(gain=2.0))
    runner.append(2, talk[:50_000])
    runner.pad(2)
    encode(runner, 2)
    for number in (1, 2):
        runner.ask(number)
    assert read(runner, 1) == read(runner, 2)


def test_what_cannot_be_asked_is_told(runner: Runner, talk: Samples) -> None:
    hear(runner, 1, talk[:50_000])
    with pytest.raises(ValueError, match="tokens alone"):
        runner.ask(1, Question(prefix="[{"))
    runner.ask(1)
    answer = read(runner, 1)
    runner.crop(1)
    runner.ask(1, Question(begun=tuple(answer)))
    runner.crop(1)
    with pytest.raises(ValueError, match="not heard again"):
        runner.ask(1, Question(context="another"))
