"""What of an answer a later attempt begins with: its tokens up to the end of the last segment that was told."""

from __future__ import annotations

from model.loading.source import TINY
from server.hearing.heard import Heard
from server.recordings.begun import Answered
from server.recordings.written import WrittenAnswer
from server.transcript.answer_reader import AnswerReader
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed, TranscriptEvent

FIRST = '[{"Start":0.50,"End":1.00,"Speaker":0,"Content":"Good morning."},{"Start":1.20'
GAP = ',"End":4,"Content":"[Unintelligible Speech]"},{"Start":4.00,"End":'
LAST = '5.00,"Speaker":1,"Content":"Quite well."}]'


def closed(events: list[TranscriptEvent]) -> list[SegmentClosed]:
    return [event for event in events if isinstance(event, SegmentClosed)]


def part(tokens: list[int], forced: str = "", behind: tuple[int, ...] | None = None) -> Heard:
    return Heard(forced, tuple(tokens), (0.0,) * len(tokens), behind=behind)


def test_each_segment_ends_with_a_token_though_text_was_forced_behind_others() -> None:
    vocabulary = Vocabulary.load(TINY)
    first, last = vocabulary.ids(FIRST), vocabulary.ids(LAST)
    bridge = tuple(vocabulary.ids(FIRST + GAP))
    written = WrittenAnswer(AnswerReader(vocabulary, 10.0))
    (morning,) = closed(list(written.read(part(first))))
    began = written.up_to(morning)
    gap, well = closed(list(written.read(part(last, GAP, bridge))))
    over = written.up_to(gap)
    assert vocabulary.text(began.tokens) in (FIRST[: FIRST.index("}") + 1], FIRST[: FIRST.index("{", 2) + 2])
    assert over == Answered(bridge, 2)
    assert written.up_to(well).tokens in ((*bridge, *last), (*bridge, *last[:-1]))
    for place in (began, over):
        again = WrittenAnswer(AnswerReader(vocabulary, 10.0), place.tokens)
        assert [event.segment.index for event in closed(again.catch_up())] == list(range(place.segments))
        assert again.catch_up() == []


def test_what_the_answer_was_made_to_begin_with_is_read_in_front_of_what_was_begun() -> None:
    vocabulary = Vocabulary.load(TINY)
    head, rest = FIRST[: FIRST.index("}") + 1], FIRST[FIRST.index("}") + 1 :] + GAP + LAST
    begun = tuple(vocabulary.ids(rest))
    written = WrittenAnswer(AnswerReader(vocabulary, 10.0), begun)
    events = closed(list(written.read(part([], head))))
    assert [event.segment.text for event in events] == ["Good morning.", "[Unintelligible Speech]", "Quite well."]


def test_an_end_that_was_not_written_is_no_place_to_go_on_from() -> None:
    vocabulary = Vocabulary.load(TINY)
    reader = AnswerReader(vocabulary, 10.0)
    written = WrittenAnswer(reader)
    assert not closed(list(written.read(part(vocabulary.ids(FIRST[: FIRST.index(".", 40)])))))
    (cut,) = closed(reader.finish(cut=True))
    assert written.up_to(cut) == Answered()
