"""What goes wrong where windows meet, one case each: every word once, in the segments that one pass would write."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from server.transcript.logprobs import TextLogprobs, TokenLogprob
from server.transcript.segments import Segment
from server.transcript.stitching.heard import HeardWindow
from server.transcript.stitching.stitcher import Stitcher
from server.transcript.words import segment_words
from tests.support.spoken_words import spoken
from tests.support.thread_seconds import thread_seconds

Said = tuple[float, float, int | None, str]
VOICE = {0: np.ones(4, np.float32)}


def window(start: float, end: float, *said: Said) -> HeardWindow:
    """Times of ``said`` are the recording's."""
    segments = (Segment(0, first - start, last - start, speaker, text) for first, last, speaker, text in said)
    return HeardWindow(start, end, tuple(segments))


def stitched(*windows: HeardWindow, overlap: float = 10.0) -> list[Segment]:
    stitcher = Stitcher(overlap)
    return [segment for each in windows for segment in stitcher.add(each)] + stitcher.finish()


def texts(*windows: HeardWindow) -> list[str]:
    return [segment.text for segment in stitched(*windows)]


@pytest.mark.parametrize(
    ("a", "b", "whole"),
    [
        # Capitals, commas and spelling differ.
        (
            "We opened the new colour workshop on Friday, and then",
            "opened the New color work shop on friday and Then we went home.",
            "We opened the new colour workshop on Friday, and Then we went home.",
        ),
        # One word is another on the later side: the alignment goes on behind it.
        (
            "The ferry leaves the harbour at seven in the morning, so",
            "ferry leads the harbour at seven in the morning, so be there early.",
            "The ferry leaves the harbour at seven in the morning, so be there early.",
        ),
        # The window's edge cut a word in two, on either side.
        (
            "Please bring the photographs of the old cathe",
            "tographs of the old cathedral with you tomorrow.",
            "Please bring the photographs of the old cathedral with you tomorrow.",
        ),
        # Real repeats stay.
        (
            "He said that that beam has to go, no, no, no, it",
            "that that beam has to go, no, no, no, it stays where it is.",
            "He said that that beam has to go, no, no, no, it stays where it is.",
        ),
        (
            "我今天晚上就给她写信，谢谢谢谢，再",
            "晚上就给她写信，谢谢谢谢，再见了大家。",
            "我今天晚上就给她写信，谢谢谢谢，再见了大家。",
        ),
        # Each side left out another word.
        (
            "Tomorrow morning we will paint kitchen ceiling and after",
            "morning we will paint the kitchen ceiling and after the long hall.",
            "Tomorrow morning we will paint the kitchen ceiling and after the long hall.",
        ),
        # Figures on one side.
        (
            "She paid three thousand for the wood and forty for",
            "paid 3000 for the wood and 40 for the nails, I think.",
            "She paid three thousand for the wood and 40 for the nails, I think.",
        ),
        # Where spaces stand is a matter of taste in Korean.
        (
            "제 동생이 헛간을 고치는 분을 알아요 그런데",
            "동생이 헛간을 고치는분을 알아요 그런데 비싸요.",
            "제 동생이 헛간을 고치는 분을 알아요 그런데 비싸요.",
        ),
    ],
)
def test_a_sentence_across_the_seam_is_one_again(a: str, b: str, whole: str) -> None:
    a_from, b_to, per_letter = 20.0, 40.0, 0.08
    a_end, b_start = a_from + len(a) * per_letter, b_to - len(b) * per_letter
    # Both windows reach to what they have of it.
    shift = a_end - b_start - _common(a, b) * per_letter
    one = window(0.0, a_end, (a_from, a_end, 0, a))
    other = window(b_start + shift, b_to + shift + 20.0, (b_start + shift, b_to + shift, 0, b))
    found = stitched(one, other)
    assert [_letters(segment.text) for segment in found] == [_letters(whole)]
    assert found[0].start == pytest.approx(a_from)
    assert found[0].end == pytest.approx(b_to + shift)


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _common(a: str, b: str) -> int:
    """Letters of ``a`` from where ``b`` begins, roughly: its middle stands in both."""
    for size in range(8, 2, -1):
        for at in range(len(b) - size):
            if (found := a.casefold().find(b[at : at + size].casefold())) >= 0:
                return len(a) - found + at
    raise AssertionError("nothing in common")


def test_segments_that_the_windows_cut_differently_lose_no_word() -> None:
    a = window(
        0.0,
        30.0,
        (18.0, 25.0, 0, "The roof is leaking again. I called the carpenter yesterday."),
        (25.5, 29.8, 0, "He comes on Monday."),
    )
    b = window(
        20.0,
        60.0,
        (20.4, 22.0, 0, "leaking again."),
        (22.2, 29.6, 0, "I called the carpenter yesterday. He comes on Monday."),
        (31.0, 33.0, 0, "Good."),
    )
    assert (
        " ".join(texts(a, b))
        == "The roof is leaking again. I called the carpenter yesterday. He comes on Monday. Good."
    )


def test_a_made_up_end_in_silence_goes_and_what_is_behind_it_stays() -> None:
    a = window(
        0.0, 30.0, (15.0, 22.0, 0, "And that was all about the garden."), (23.0, 29.9, 0, "Thank you for watching.")
    )
    b = window(
        20.0,
        60.0,
        (20.0, 21.9, 0, "about the garden."),
        (22.0, 33.0, None, "[Silence]"),
        (33.0, 36.0, 1, "Next, the chimney."),
    )
    assert texts(a, b) == ["And that was all about the garden.", "[Silence]", "Next, the chimney."]


def test_words_that_one_window_missed_are_the_other_ones() -> None:
    a = window(
        0.0, 30.0, (10.0, 20.5, 0, "We meet again in the garden house."), (27.0, 29.9, 1, "Bring the ladder please.")
    )
    b = window(20.0, 60.0, (22.5, 25.0, 2, "Somebody else will cook."), (27.0, 29.9, 0, "Bring the ladder please."))
    assert texts(a, b) == ["We meet again in the garden house.", "Somebody else will cook.", "Bring the ladder please."]


def test_the_same_sentence_said_twice_far_apart_is_there_twice() -> None:
    a = window(0.0, 30.0, (21.0, 23.0, 0, "Now let us begin with it."))
    b = window(24.0, 60.0, (31.0, 33.0, 0, "Now let us begin with it."))
    assert texts(a, b) == ["Now let us begin with it."] * 2


@pytest.mark.parametrize("overlap", [0.0, 6.0])
def test_windows_with_nothing_in_common_stand_one_behind_the_other(overlap: float) -> None:
    a = window(0.0, 30.0, (10.0, 20.0, 0, "First there was this."))
    b = window(30.0 - overlap, 60.0, (40.0, 45.0, 0, "Then there was that."))
    assert texts(a, b) == ["First there was this.", "Then there was that."]
    assert texts(a, window(30.0 - overlap, 60.0)) == ["First there was this."]
    assert texts(window(0.0, 30.0), b) == ["Then there was that."]


def test_a_sentence_that_a_hard_cut_went_through_is_one() -> None:
    a = window(0.0, 30.0, (25.0, 30.0, 0, "Then we walked down to the"))
    b = window(30.0, 60.0, (30.0, 34.0, 0, "river and swam."))
    a, b = HeardWindow(a.start, a.end, a.segments, VOICE), HeardWindow(b.start, b.end, b.segments, VOICE)
    (found,) = stitched(a, b)
    assert (found.text, found.start, found.end) == ("Then we walked down to the river and swam.", 25.0, 34.0)


def test_a_stretch_without_words_across_the_seam_is_one() -> None:
    a = window(0.0, 30.0, (2.0, 5.0, 0, "Wait."), (8.0, 30.0, None, "[Music]"))
    b = window(22.0, 60.0, (22.0, 41.0, None, "[Music]"), (42.0, 44.0, 0, "So."))
    assert [(one.start, one.end, one.text) for one in stitched(a, b)] == [
        (2.0, 5.0, "Wait."),
        (8.0, 41.0, "[Music]"),
        (42.0, 44.0, "So."),
    ]


def test_what_is_far_from_the_next_window_leaves_at_once() -> None:
    stitcher = Stitcher(5.0)
    a = window(0.0, 60.0, (1.0, 4.0, 0, "Early."), (30.0, 51.0, 1, "In the middle."), (54.0, 59.0, 0, "At the end."))
    assert [(one.index, one.text) for one in stitcher.add(a)] == [(0, "Early."), (1, "In the middle.")]
    assert [(one.index, one.text) for one in stitcher.finish()] == [(2, "At the end.")]


def test_a_joined_segment_has_the_tokens_of_the_words_that_it_kept() -> None:
    def tokens(text: str, logprob: float) -> TextLogprobs:
        pieces = [(word, (TokenLogprob(word, tuple(word.encode()), logprob),)) for word in text.split(" ")]
        return TextLogprobs.of(pieces)

    a_text, b_text = "we paint the kitchen ceiling and then", "the kitchen ceiling and then the long hall"
    a = Segment(0, 20.0, 23.0, 0, a_text, -0.1, (1,) * 7, logprobs=tokens(a_text, -0.1))
    b = Segment(0, 0.5, 4.0, 0, b_text, -0.3, (2,) * 8, logprobs=tokens(b_text, -0.3))
    (found,) = stitched(HeardWindow(0.0, 23.2, (a,)), HeardWindow(20.4, 60.0, (b,)))
    assert found.text == "we paint the kitchen ceiling and then the long hall"
    assert found.logprobs is not None
    assert [token.token for token in found.logprobs.tokens] == found.text.split(" ")
    assert found.avg_logprob is not None
    assert -0.3 < found.avg_logprob < -0.1
    assert found.tokens == ()  # which of them carry what is left is not known


def test_a_joined_segment_has_the_probabilities_of_the_words_that_it_kept() -> None:
    a_text, b_text = "we paint the kitchen ceiling and then", "the kitchen ceiling and then the long hall"
    a = spoken(a_text, *(-n / 10 for n in range(7)), start=20.0, end=23.0)
    b = spoken(b_text, *(-n for n in range(1, 9)), start=0.5, end=4.0)
    (found,) = stitched(HeardWindow(0.0, 23.2, (a,)), HeardWindow(20.4, 60.0, (b,)))
    assert found.text == "we paint the kitchen ceiling and then the long hall"
    told = [word.logprob for word in segment_words(found)]
    assert told[:2] == [0.0, pytest.approx(-0.1)]
    assert told[-3:] == [-6, -7, -8]
    for logprob, of_windows in zip(told[2:-3], [(-n / 10, -(n - 1)) for n in range(2, 7)], strict=True):
        assert any(logprob == pytest.approx(one) for one in of_windows)
    (half,) = stitched(HeardWindow(0.0, 23.2, (replace(a, probabilities=None),)), HeardWindow(20.4, 60.0, (b,)))
    told = [word.logprob for word in segment_words(half)]
    assert told[0] == half.avg_logprob
    assert told[-3:] == [-6, -7, -8]


def test_four_times_as_many_windows_take_no_eight_times_as_long() -> None:
    """Each window one segment, all of it the same speaker: what is joined does not grow for ever."""

    def seconds(count: int) -> float:
        stitcher = Stitcher(10.0)
        windows = []
        for place in range(count):
            words = " ".join(f"{number:05}" for number in range(place * 40, place * 40 + 60))
            windows.append(window(place * 20.0, place * 20.0 + 30.0, (place * 20.0, place * 20.0 + 30.0, 0, words)))
        return thread_seconds(lambda: [stitcher.add(each) for each in windows])

    seconds(2)
    assert min(seconds(60) for _ in range(3)) < 8 * min(seconds(15) for _ in range(3))
