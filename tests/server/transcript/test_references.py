from __future__ import annotations

from hypothesis import given

from server.transcript.events import SpeechDelta, TranscriptEvent
from server.transcript.parser import TranscriptParser
from server.transcript.references import ReferenceClip, ReferenceFilter
from server.transcript.segments import Segment
from tests.server.transcript.answers import answers, assert_sane, closed, cut_places, examples, pieces, shown, written

CLIPS = [ReferenceClip("Ada", 0.0, 3.0), ReferenceClip("Bob", 4.0, 8.0)]
OFFSET, DURATION = 9.0, 20.0


def through(answer: str, cuts: list[int] | None = None) -> tuple[ReferenceFilter, list[TranscriptEvent]]:
    parser = TranscriptParser(OFFSET + DURATION)
    references = ReferenceFilter(CLIPS, OFFSET, DURATION)
    events: list[TranscriptEvent] = []
    for piece in pieces(answer, cuts or []):
        events += references.feed(parser.feed(piece))
    return references, events + references.feed(parser.finish())


def test_speakers_get_the_names_of_their_clips() -> None:
    answer = written((0, 2.9, 0, "a"), (4, 8, 1, "b"), (9, 10, 1, "c"), (10, 11, 2, "d"), (11, 12.5, 0, "e"))
    references, events = through(answer)
    assert references.names == {0: "Ada", 1: "Bob"}
    assert closed(events) == [
        Segment(0, 0.0, 1.0, 1, "c"),
        Segment(1, 1.0, 2.0, 2, "d"),
        Segment(2, 2.0, 3.5, 0, "e"),
    ]
    assert shown(events) == {0: "c", 1: "d", 2: "e"}


def test_the_longest_overlap_names() -> None:
    answer = written((0, 1, 3, "x"), (1, 3, 0, "a"), (4, 4.5, 0, "a"), (4.5, 8, 3, "b"), (9, 10, 0, "c"))
    assert through(answer)[0].names == {0: "Ada", 3: "Bob"}


def test_two_clips_of_one_voice_give_it_one_name() -> None:
    answer = written((0, 3, 0, "a"), (4, 8, 0, "b"), (9, 10, 0, "c"))
    assert through(answer)[0].names == {0: "Bob"}


def test_names_stay_as_they_are_once_the_recording_has_begun() -> None:
    answer = written((0, 3, 0, "a"), (9, 10, 0, "c"), (4, 8, 0, "late"))
    assert through(answer)[0].names == {0: "Ada"}


def test_a_segment_across_the_border_begins_at_zero_and_keeps_its_words() -> None:
    _, events = through(written((0, 3, 0, "a"), (7, 12, 1, "b and c"), (12, 40, 0, "d")))
    assert [(s.start, s.end, s.text) for s in closed(events)] == [(0.0, 3.0, "b and c"), (3.0, DURATION, "d")]


def test_a_clip_whose_words_seem_to_end_a_little_late_is_still_dropped() -> None:
    _, events = through(written((4, 9.2, 1, "b"), (9, 9.2, 0, "ah")))
    assert [s.text for s in closed(events)] == ["ah"]
    _, events = through(written((4, 9.25, 1, "b"), (8, 9.26, 1, "c")))
    assert [s.text for s in closed(events)] == ["c"]


def test_deltas_wait_for_times_that_come_behind() -> None:
    parser, references = TranscriptParser(OFFSET + DURATION), ReferenceFilter(CLIPS, OFFSET, DURATION)
    assert references.feed(parser.feed('[{"Content":"Hello you","Speaker":0,"Start":10')) == []
    events = references.feed(parser.feed(',"End":11}'))
    assert shown(events) == {0: "Hello you"}
    assert references.feed(parser.feed(',{"Content":"x","Start":1,"End":2}')) == []
    events = references.feed(parser.feed(',{"Start":11,"End":12,"Content":"more'))
    assert events == [SpeechDelta(1, "more", (2.0, 3.0))]


@given(answers(), cut_places)
@examples(40)
def test_any_answer_at_any_split(answer: str, cuts: list[int]) -> None:
    references, events = through(answer, cuts)
    segments = closed(events)
    assert_sane(segments, DURATION)
    assert shown(events) == {s.index: s.text for s in segments if s.is_speech}
    whole, all_events = through(answer)
    assert (references.names, segments) == (whole.names, closed(all_events))
