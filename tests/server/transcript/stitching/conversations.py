"""Conversations in many languages, and what is heard of them in windows that hear everything right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from server.transcript.segments import Segment
from server.transcript.stitching.heard import HeardWindow
from server.transcript.words import Word, joined, segment_words

SENTENCES = (
    "Well, that that is what I said, no, no, no.",
    "In 1999 she paid 12.50 for it, didn't she?",
    "Ach so, „das“ hätte ich nicht gedacht!",
    "¿Qué dices? ¡No me lo creo!",
    "C'est-à-dire qu'il n'y en a plus.",
    "Ну что ж, посмотрим.",
    "हाँ, ठीक है, कल मिलते हैं।",
    "نعم، نعم، سنرى ذلك غدا.",
    "ใช่ครับ พรุ่งนี้เจอกันที่บ้าน",
    "谢谢谢谢，我们明天再说吧。",
    "はい、わかりました。ありがとうございます。",
    "네, 네, 내일 다시 이야기해요.",
    "Evet, İstanbul'da görüşürüz.",
    "Vâng, hẹn gặp lại ngày mai nhé.",
    "Ok.",
    "I",
)
TAGS = ("[Silence]", "[Music]", "[Noise]")


@st.composite
def conversations(draw: st.DrawFn) -> list[Segment]:
    """Segments of up to four speakers and of nobody, one after the other; numbers in order of first speech."""
    segments: list[Segment] = []
    numbers: dict[int, int] = {}
    now = 0.0
    for place in range(draw(st.integers(1, 14))):
        now += draw(st.floats(0.0, 2.0))
        speaker = draw(st.integers(-1, 3))
        if speaker < 0:
            text, length = draw(st.sampled_from(TAGS)), draw(st.floats(1.0, 8.0))
            if segments and segments[-1].speaker is None:
                continue
        else:
            text = " ".join(draw(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=3)))
            length = len(text) * draw(st.floats(0.05, 0.12))
        number = None if speaker < 0 else numbers.setdefault(speaker, len(numbers))
        segments.append(Segment(place, now, now + length, number, text))
        now += length
    return [replace(segment, index=place) for place, segment in enumerate(segments)]


def windows_of(segments: Sequence[Segment], borders: Sequence[tuple[float, float]]) -> list[HeardWindow]:
    """What each window from ``start`` to ``end`` has of the conversation, with numbers and times of its own."""
    return [heard(segments, start, end) for start, end in borders]


def heard(segments: Sequence[Segment], start: float, end: float) -> HeardWindow:
    numbers: dict[int, int] = {}
    found = []
    for segment in segments:
        if segment.speaker is None:
            first, last = max(segment.start, start), min(segment.end, end)
            if last > first:
                found.append(replace(segment, start=first - start, end=last - start))
            continue
        words = [word for word in segment_words(segment) if start <= (word.start + word.end) / 2 < end]
        if words:
            number = numbers.setdefault(segment.speaker, len(numbers))
            found.append(_part(segment, words, start, end, number))
    voices = {number: np.eye(8, dtype=np.float32)[person] for person, number in numbers.items()}
    return HeardWindow(start, end, tuple(found), voices)


def _part(segment: Segment, words: Sequence[Word], start: float, end: float, number: int) -> Segment:
    first, last = max(words[0].start, start) - start, min(words[-1].end, end) - start
    return replace(segment, start=first, end=last, text=joined(words), speaker=number)


@st.composite
def borders(draw: st.DrawFn, end: float) -> list[tuple[float, float]]:
    """Windows that overlap, from 0 to the end, each at least as long as both of its overlaps."""
    count = draw(st.integers(1, max(min(4, int(end // 8.0)), 1)))
    edges = [end * place / count for place in range(count + 1)]
    if count == 1:
        return [(0.0, end)]
    widths = [draw(st.floats(1.5, min(3.5, end / count / 2 - 0.1))) for _ in edges]
    return [
        (max(first - half_first, 0.0), min(last + half_last, end))
        for (first, half_first), (last, half_last) in pairwise(zip(edges, widths, strict=True))
    ]
