"""What is reserved for a stream, and who counts as one of the rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.seam.steps import StepSizes
from model.seam.streams import Priority, Question, StreamCounts, StreamSpec
from server.engine.messages import AskStream
from server.engine.settings import EngineSettings
from server.engine.worker.scheduler import Scheduler, describe
from server.engine.worker.stream import StreamState
from tests.server.engine.test_scheduler import make_info, make_stream

PAGE = 8
DRAFTS = 5


def scheduler(pages: int = 100, max_rows: int = 32) -> Scheduler:
    info = replace(make_info(pages, PAGE), draft_positions=DRAFTS)
    return Scheduler(EngineSettings(steps=StepSizes(max_rows=max_rows)), info)


def stream(number: int, positions: int = 10, priority: Priority = Priority.NORMAL) -> StreamState:
    """One that may need so many positions, the longest answer included."""
    spec = StreamSpec(1, Question(max_tokens=2), priority=priority)
    return StreamState(number, f"r{number}", spec, positions, began=0.0)


def numbers(streams: list[StreamState]) -> list[int]:
    return [stream.number for stream in streams]


@pytest.mark.parametrize("positions", range(PAGE, 2 * PAGE + 1))
def test_guesses_have_room_behind_the_longest_answer(positions: int) -> None:
    """They stand in the KV cache while they are verified, and no step may find it full."""
    policy, one = scheduler(), stream(1, positions)
    policy.add(one)
    policy.admit()
    assert positions + DRAFTS <= one.pages * PAGE < positions + DRAFTS + PAGE
    assert policy.reserved_pages == one.pages


def test_guesses_keep_their_room_when_the_prompt_is_known() -> None:
    policy, one = scheduler(), stream(1, positions=80)
    policy.add(one)
    policy.admit()
    one.asked = AskStream(1, one.spec.question, last=True)
    one.counts = StreamCounts(encoded=1, queued=14)
    one.begin_answer(one.spec.question, forced="")
    policy.trim(one)
    assert one.pages == -(-(14 + 2 + DRAFTS) // PAGE) == 3


def test_streams_share_the_pages_down_to_the_last() -> None:
    policy = scheduler(pages=4)
    for one in (stream(1, 2 * PAGE - DRAFTS), stream(2, 2 * PAGE - DRAFTS), stream(3, 1)):
        policy.add(one)
    assert numbers(policy.admit()) == [1, 2]
    assert policy.waiting == 1


def test_live_streams_take_no_row_from_the_others() -> None:
    """They come beside ``max_rows`` in whatever order they come, and never need one of its rows."""
    policy = scheduler(max_rows=2)
    for number in (1, 2):
        policy.add(stream(number, priority=Priority.LIVE))
    assert numbers(policy.admit()) == [1, 2]
    for number in (3, 4, 5):
        policy.add(stream(number))
    policy.add(stream(6, priority=Priority.LIVE))
    assert numbers(policy.admit()) == [6, 3, 4]
    policy.add(stream(7, priority=Priority.LIVE))
    assert numbers(policy.admit()) == [7]
    policy.remove(policy.running[0])
    assert policy.admit() == [], "a live stream that ends leaves no row"
    policy.remove(next(one for one in policy.running if one.number == 3))
    assert numbers(policy.admit()) == [5]


def test_live_streams_wait_for_pages_like_anybody() -> None:
    policy = scheduler(pages=4)
    for number in (1, 2, 3):
        policy.add(stream(number, 2 * PAGE - DRAFTS, Priority.LIVE))
    policy.add(stream(4, 1))
    assert numbers(policy.admit()) == [1, 2]


def test_behind_the_oldest_those_that_want_least_go_first() -> None:
    """Soon done, they free their pages; the oldest has its quarter in any case."""
    settings = EngineSettings(steps=StepSizes(prefill_positions=100, encode_frames=100))
    policy = Scheduler(settings, make_info(pages=1000, page_size=PAGE))
    for number, wanted in enumerate([1000, 60, 10, 20], start=1):
        policy.add(make_stream(number, frames=1000, queued=wanted))
    policy.admit()
    assert describe(policy.plan()) == "encode - | rows 1:25 3:10 4:20 2:45"


def test_nobody_takes_at_once_what_one_gave_up_for_others() -> None:
    """He would be the next who makes way, and the work on him lost."""
    policy = scheduler(pages=20)
    for number, pages in ((1, 10), (2, 10), (3, 1), (4, 1)):
        policy.add(stream(number, pages * PAGE - DRAFTS, Priority.NORMAL))
    assert numbers(policy.admit()) == [1, 2]
    assert policy.preempt() is not None
    assert policy.admit() == []
    policy.add(stream(5, PAGE - DRAFTS, Priority.LIVE))
    assert numbers(policy.admit()) == [5], "live streams wait for nobody"
    policy.remove(policy.running[0])
    assert numbers(policy.admit()) == [3, 4]
