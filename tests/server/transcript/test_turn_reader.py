"""Answers by turns: who said what, and times that are those of the windows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import pytest
from tokenizers import Tokenizer

from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.segments import Segment
from server.transcript.turn_reader import TurnForm, TurnReader
from tests.support import qwen

END = 200_000
FORM = TurnForm(END, 2.0)
SPEAKER = " \n Speaker {}:"


@cache
def vocabulary() -> Vocabulary:
    """The real checkpoint's, in which a blank and a word are one token."""
    return Vocabulary(Tokenizer.from_file(str(qwen.vocabulary_folder() / "tokenizer.json")))


def events_of(
    turns: Sequence[str],
    *,
    seconds: float | None = None,
    cut: bool = False,
    logprobs: bool = False,
    pauses: frozenset[int] = frozenset(),
) -> tuple[TurnReader, list[TranscriptEvent]]:
    duration = 2.0 * len(turns) if seconds is None else seconds
    reader = TurnReader(vocabulary(), duration, FORM, logprobs=logprobs, pauses=pauses)
    events: list[TranscriptEvent] = []
    for number, text in enumerate(turns):
        ids = [*vocabulary().ids(text), *([END] if not cut or number < len(turns) - 1 else [])]
        for token in ids:
            events += reader.feed([token], [-0.5])
    return reader, [*events, *reader.finish(cut=cut)]


def told(turns: Sequence[str], **options: object) -> list[tuple[float, float, int | None, str]]:
    _, events = events_of(turns, **options)  # type: ignore[arg-type]
    check(events)
    return [(s.start, s.end, s.speaker, s.text) for s in closed(events)]


def closed(events: list[TranscriptEvent]) -> list[Segment]:
    return [event.segment for event in events if isinstance(event, SegmentClosed)]


def check(events: list[TranscriptEvent]) -> None:
    """Deltas add up to segments, which do not overlap."""
    segments = closed(events)
    for number, segment in enumerate(segments):
        assert segment.index == number
        assert segment.text == "".join(e.text for e in events if isinstance(e, SpeechDelta) and e.segment == number)
        assert segment.text == segment.text.strip() != ""
    assert all(one.end <= other.start for one, other in pairwise(segments))


def test_whoever_spoke_last_speaks_on() -> None:
    turns = [SPEAKER.format(0) + " Good morning to", " you all.", SPEAKER.format(1) + " Hello."]
    assert told(turns) == [(0.0, 4.0, 0, "Good morning to you all."), (4.0, 6.0, 1, "Hello.")]


def test_between_windows_is_one_blank_whichever_of_them_has_it() -> None:
    for turns in ([" one ", "two"], [" one", " two"], [" one ", " two"]):
        assert told([SPEAKER.format(0) + turns[0], turns[1]]) == [(0.0, 4.0, 0, "one two")]
    for turns in (["سلام ", " دنیا"], ["سلام", " دنیا"]):
        assert told([SPEAKER.format(0) + turns[0], turns[1]]) == [(0.0, 4.0, 0, "سلام دنیا")]
    assert told([SPEAKER.format(0) + " 大家好，", "我们开始。"]) == [(0.0, 4.0, 0, "大家好，我们开始。")]


def test_speakers_of_one_window_share_its_time() -> None:
    first, second = told([SPEAKER.format(0) + " abcd." + SPEAKER.format(1) + " abcd."])
    assert first == (0.0, 1.0, 0, "abcd.")
    assert second == (1.0, 2.0, 1, "abcd.")


def test_what_nobody_is_named_for_has_no_speaker() -> None:
    assert told([" well", SPEAKER.format(2) + " yes"]) == [(0.0, 2.0, None, "well"), (2.0, 4.0, 2, "yes")]


def test_a_window_without_words_ends_a_segment() -> None:
    turns = [SPEAKER.format(0) + " one", "", "  ", " two"]
    assert told(turns) == [(0.0, 2.0, 0, "one"), (6.0, 8.0, 0, "two")]


def test_a_segment_is_a_card_that_ends_with_a_sentence() -> None:
    turns = [SPEAKER.format(0) + " a.", *[" b"] * 4, " c.", " d", *[" e"] * 12]
    segments = told(turns)
    assert [(start, end) for start, end, _, _ in segments[:2]] == [(0.0, 12.0), (12.0, 32.0)]
    assert segments[0][3].endswith("c.")
    assert segments[-1][1] == 38.0


def test_no_time_is_behind_the_audio() -> None:
    assert told([SPEAKER.format(0) + " one", " two"], seconds=2.6) == [(0.0, 2.6, 0, "one two")]


def test_a_pause_ends_a_segment() -> None:
    turns = [SPEAKER.format(0) + " one", " two", " three"]
    assert told(turns, pauses=frozenset({2})) == [(0.0, 4.0, 0, "one two"), (4.0, 6.0, 0, "three")]


def test_words_that_say_speaker_are_words() -> None:
    turns = [SPEAKER.format(0) + " the speaker 1: was Speaker 1: here"]
    assert told(turns) == [(0.0, 2.0, 0, "the speaker 1: was Speaker 1: here")]


def test_an_answer_that_was_cut_says_so_and_keeps_its_words() -> None:
    reader, events = events_of([SPEAKER.format(0) + " one", " two"], cut=True)
    assert not reader.complete
    assert reader.notes
    assert [segment.text for segment in closed(events)] == ["one two"]


def test_nothing_said_is_a_whole_answer() -> None:
    reader, events = events_of(["", ""])
    assert (reader.complete, reader.notes, events) == (True, [], [])


def test_tokens_of_words_are_told_and_those_of_labels_are_not() -> None:
    _, events = events_of([SPEAKER.format(0) + " Good morning." + SPEAKER.format(1) + " Yes."], logprobs=True)
    (first, second) = closed(events)
    for segment, text in ((first, "Good morning."), (second, "Yes.")):
        assert vocabulary().text(segment.tokens).strip() == text
        assert segment.avg_logprob == pytest.approx(-0.5)
    deltas = [event for event in events if isinstance(event, SpeechDelta)]
    assert "".join(token.token for delta in deltas for token in delta.logprobs) == " Good morning. Yes."
