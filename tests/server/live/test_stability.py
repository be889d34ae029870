"""Committed text never changes, says what the hypotheses agreed on, and in the end all of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.live.events import Hypothesis, LiveEvent, SegmentClosed, WordsCommitted
from server.live.stability import Stabilizer
from server.transcript.segments import Segment

SETTLE = 1.5


def said(text: str, start: float = 0.0, end: float = 2.0, speaker: int | None = 0) -> Segment:
    return Segment(0, start, end, speaker, text)


def committed(events: list[LiveEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, WordsCommitted)]


def closed(events: list[LiveEvent]) -> list[tuple[int | None, str]]:
    return [(e.segment.speaker, e.segment.text) for e in events if isinstance(e, SegmentClosed)]


def hypothesis(events: list[LiveEvent]) -> list[tuple[int, str]]:
    assert isinstance(events[-1], Hypothesis)
    return [(segment.index, segment.text) for segment in events[-1].segments]


def test_nothing_is_committed_on_first_sight() -> None:
    events = Stabilizer(SETTLE).update([said("the train is")], heard=2.0)
    assert committed(events) == []
    assert hypothesis(events) == [(0, "the train is")]


def test_words_two_updates_agree_on_are_committed_but_for_the_last() -> None:
    stable = Stabilizer(SETTLE)
    stable.update([said("the train is l")], heard=2.0)
    events = stable.update([said("The train, is late", end=3.0)], heard=3.0)
    assert committed(events) == ["The train, is"]
    assert hypothesis(events) == [(0, "late")]
    events = stable.update([said("The train, is late", end=3.0)], heard=3.2)
    assert committed(events) == []
    assert hypothesis(events) == [(0, "late")]


def test_a_segment_that_ended_long_ago_is_closed() -> None:
    stable = Stabilizer(SETTLE)
    segments = [said("it is late"), said("yes it", 2.5, 4.0, speaker=1)]
    stable.update(segments, heard=4.0)
    events = stable.update(segments, heard=4.2)
    assert committed(events) == ["it is late", "yes"]
    assert closed(events) == [(0, "it is late")]
    assert hypothesis(events) == [(1, "it")]


def test_a_final_update_commits_and_closes_everything() -> None:
    stable = Stabilizer(SETTLE)
    stable.update([said("it is")], heard=2.0)
    events = stable.update([said("it is late"), said("yes", 2.0, 2.4, speaker=1)], heard=2.5, final=True)
    assert closed(events) == [(0, "it is late"), (1, "yes")]
    assert hypothesis(events) == []
    assert stable.open is None


def test_a_hypothesis_that_takes_words_back_is_read_from_where_it_agrees() -> None:
    stable = Stabilizer(SETTLE)
    for _ in range(2):
        stable.update([said("one two three four")], heard=2.0)
    events = stable.update([said("one tooth three four five")], heard=3.0, final=True)
    assert committed(events) == ["four five"]
    assert closed(events) == [(0, "one two three four five")]


def test_words_that_vanish_stay_committed() -> None:
    stable = Stabilizer(SETTLE)
    for _ in range(2):
        stable.update([said("one two three")], heard=2.0)
    assert closed(stable.update([], heard=9.0, final=True)) == [(0, "one two")]


def test_the_speaker_of_committed_words_stays() -> None:
    stable = Stabilizer(SETTLE)
    for _ in range(2):
        stable.update([said("one two three", speaker=1)], heard=2.0)
    events = stable.update([said("one two three four", speaker=2)], heard=3.0, final=True)
    assert closed(events) == [(1, "one two three four")]


def test_another_speaker_with_the_same_words_is_no_agreement() -> None:
    stable = Stabilizer(SETTLE)
    stable.update([said("one two three", speaker=1)], heard=2.0)
    assert committed(stable.update([said("one two three", speaker=2)], heard=2.0)) == []


def test_scripts_without_spaces_stay_without() -> None:
    stable = Stabilizer(SETTLE)
    events = stable.update([said("你好,我们")], heard=2.0)
    events += stable.update([said("你好,我们走 now")], heard=2.0)
    events += stable.update([said("你好,我们走 now")], heard=2.0, final=True)
    assert committed(events) == ["你好,我们", "走 now"]
    assert closed(events) == [(0, "你好,我们走 now")]


def test_times_of_committed_words_never_run_backwards() -> None:
    stable = Stabilizer(SETTLE)
    events = []
    for _ in range(2):
        events += stable.update([said("one two three", 1.0, 4.0)], heard=4.0)
    events += stable.update([said("one two three four", 1.0, 2.0)], heard=4.0, final=True)
    words = [word for event in events if isinstance(event, WordsCommitted) for word in event.words]
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)


texts = st.lists(st.sampled_from(["one", "two", "Two.", "three", "x", "-"]), min_size=1, max_size=6).map(" ".join)
hypotheses = st.lists(st.tuples(texts, st.sampled_from([0, 1, None]), st.floats(0.1, 3)), max_size=4)


@given(st.lists(st.tuples(hypotheses, st.booleans()), max_size=8))
def test_whatever_the_model_says_committed_text_only_grows(
    updates: list[tuple[list[tuple[str, int, float]], bool]],
) -> None:
    stable, heard = Stabilizer(SETTLE), 0.0
    words: dict[int, str] = {}
    ended: list[int] = []
    for segments, final in updates:
        start, told = 0.0, []
        for text, speaker, length in segments:
            told.append(said(text, start, start + length, speaker))
            start += length
        heard += 1.0
        events = stable.update(told, heard, final=final)
        for event in events:
            if isinstance(event, WordsCommitted):
                assert event.words
                assert event.segment not in ended
                assert not ended or event.segment == ended[-1] + 1
                words[event.segment] = words.get(event.segment, "") + event.lead + event.text
            if isinstance(event, SegmentClosed):
                assert event.segment.text == words[event.segment.index].removeprefix(" ")
                assert event.segment.start <= event.segment.end
                ended.append(event.segment.index)
        assert isinstance(events[-1], Hypothesis)
        if final:
            assert stable.open is None
            assert not events[-1].segments
    assert ended == sorted(ended)
