"""The quick ways of the stabilizer equal the slow ones, whatever a model makes of its last hypothesis, and do less."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.live.captions import units
from server.live.captions.alignment import aligned
from server.live.captions.stability import Stabilizer
from server.live.captions.units import Cutter, plain
from server.transcript.segments import Segment
from server.transcript.word_breaks import cut_words
from tests.server.live.reference_stabilizer import (
    ReferenceStabilizer,
    reference_alignment,
    reference_units,
    words_of,
)
from tests.server.transcript.answers import examples

SETTLE = 1.5
T = TypeVar("T")

# ------------------------------------------------------------------------------------------------------- alignment

KEYS = st.lists(st.sampled_from("abc"), max_size=9)


@given(KEYS, st.lists(st.sampled_from("abcd"), max_size=24))
@examples(600)
def test_alignment_of_anything(committed: list[str], hypothesis: list[str]) -> None:
    assert aligned(committed, hypothesis) == reference_alignment(committed, hypothesis)


@given(st.data(), st.integers(60, 140), st.integers(1, 6))
@examples(40)
def test_alignment_of_long_texts_with_a_few_edits(data: st.DataObject, length: int, edits: int) -> None:
    """More than fits into a machine word, with words that come again."""
    committed = [str(number * number % 37) for number in range(length)]
    hypothesis = [*committed, *("more", "words", "1")]
    for _ in range(edits):
        place, removed = data.draw(st.integers(0, len(hypothesis))), data.draw(st.integers(0, 3))
        hypothesis[place : place + removed] = data.draw(st.lists(st.sampled_from(["1", "x"]), max_size=3))
    assert aligned(committed, hypothesis) == reference_alignment(committed, hypothesis)


def _columns(committed: Sequence[str], hypothesis: Sequence[str]) -> int:
    """How many words of the hypothesis the alignment looks at."""
    taken: list[str] = []

    def words() -> Iterator[str]:
        for word in hypothesis:
            taken.append(word)
            yield word

    aligned(committed, words())
    return len(taken)


def test_alignment_ends_where_more_words_could_only_cost_more() -> None:
    committed, behind = [str(number) for number in range(250)], ["behind"] * 1000
    assert _columns([], behind) == 1
    assert _columns(committed, ["x", *committed[1:], *behind]) == 250 + 1 + 1, "one edit"
    assert _columns(committed, behind) == 2 * 250 + 1, "nothing in common"


# ----------------------------------------------------------------------------------------------------------- units

TOKENS = {
    "spaced": ["one", "two", "Two.", "the", "the", "café", "cafe\u0301", "यह", "लड़की", "\u200fשלום", "“so", "it”"],
    "unspaced": ["你好", "我们", "研究", "生命", "，", "。", "「はい」", "コーヒー", "ที่นี่", "ดีมาก", "ครับ", "ๆ", "OK"],
    "marks": ["-", "(", ")", "«", "\u2066", "…", "¿", "\u200b", "\x1c", "\x85", "\u3000", "\ufe0f", "👍"],
}
PIECES = st.tuples(
    st.sampled_from([*TOKENS["spaced"], *TOKENS["unspaced"], *TOKENS["marks"]]), st.sampled_from(["", " "])
)
TEXTS = st.lists(PIECES, min_size=1, max_size=14)


def _text(pieces: Sequence[tuple[str, str]]) -> str:
    return "".join(lead + token for token, lead in pieces).strip() or "-"


@given(st.lists(st.tuples(st.integers(0, 14), TEXTS), min_size=1, max_size=5), st.data())
@examples(400)
def test_words_of_texts_that_go_on_differently(
    changes: list[tuple[int, list[tuple[str, str]]]], data: st.DataObject
) -> None:
    cutter = Cutter()
    pieces: list[tuple[str, str]] = []
    for kept, tail in changes:
        pieces = [*pieces[:kept], *tail]
        hypothesis = [Segment(0, 1.0, 4.3, 1, _text(pieces)), Segment(1, 4.3, 4.9, None, _text(tail))]
        quick, slow = cutter.units(hypothesis), reference_units(hypothesis)
        assert quick.spoken(0) == [unit.key for unit in slow]
        assert [quick.segment(place) for place in range(len(quick))] == [unit.segment for unit in slow]
        for _, begin, end in quick.runs(0, len(quick)):
            first = data.draw(st.integers(begin, end - 1))
            last = data.draw(st.integers(first + 1, end))
            words = words_of(slow[first:last])
            assert quick.timed(first, last) == words
            assert quick.run(first, last)[0] == words[0].lead


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("one two ( three", "one two (", ["one", "two ("]),
        ("one two (", "one two ( three", ["one", "two", "( three"]),
        ("one two ( three", "one two ) three", ["one", "two )", "three"]),
        ("one two - three", "one two -", ["one", "two -"]),
        ("one two three", "one two - three", ["one", "two -", "three"]),
        ("one two three", "one two, three", ["one", "two,", "three"]),
        ("( one two", "( one", ["( one"]),
        ("( one", "(", ["("]),
    ],
)
def test_marks_where_two_texts_part(before: str, after: str, words: list[str]) -> None:
    cutter = Cutter()
    cutter.units([Segment(0, 0.0, 1.0, 0, before)])
    cut = cutter.units([Segment(0, 0.0, 1.0, 0, after)])
    assert [word.word for word in cut.timed(0, len(cut))] == words


# ------------------------------------------------------------------------------------------------------- stability

SPEAKERS = st.sampled_from([0, 0, 0, 1, None])


@st.composite
def edits(draw: st.DrawFn, script: Sequence[str]) -> list[list[Segment]]:
    """Hypotheses that follow each other: mostly they grow; they also take back, insert, replace, split and forget."""
    piece = st.tuples(st.sampled_from(script), st.sampled_from(["", " ", " "]))
    pieces = draw(st.lists(piece, max_size=8))
    hypotheses: list[list[Segment]] = []
    cuts, speakers = [0], [draw(SPEAKERS)]
    for _ in range(draw(st.integers(1, 9))):
        match draw(
            st.sampled_from(["same", "grow", "grow", "grow", "shrink", "early", "split", "speaker", "else", "none"])
        ):
            case "grow":
                pieces = [*pieces, *draw(st.lists(piece, min_size=1, max_size=5))]
            case "shrink":
                pieces = pieces[: draw(st.integers(0, len(pieces)))]
            case "early":
                place, removed = draw(st.integers(0, min(4, len(pieces)))), draw(st.integers(0, 2))
                pieces = [*pieces[:place], *draw(st.lists(piece, max_size=2)), *pieces[place + removed :]]
            case "split":
                cuts, speakers = [*cuts, len(pieces)], [*speakers, draw(SPEAKERS)]
            case "speaker":
                speakers = [*speakers[:-1], draw(SPEAKERS)]
            case "else":
                pieces = draw(st.lists(piece, max_size=16))
            case "none":
                hypotheses.append([])
                continue
            case _:
                pass
        hypotheses.append(_segments(pieces, cuts, speakers))
    return hypotheses


def _segments(pieces: Sequence[tuple[str, str]], cuts: Sequence[int], speakers: Sequence[int | None]) -> list[Segment]:
    """Segments from each cut to the next, as long as their pieces are many."""
    bounds = zip(cuts, [*cuts[1:], len(pieces)], speakers, strict=True)
    return [
        Segment(0, begin * 0.3, end * 0.3, speaker, text, -0.1 * end if end % 3 else None)
        for begin, end, speaker in bounds
        if (text := "".join(lead + token for token, lead in pieces[begin:end]).strip())
    ]


SESSIONS = st.sampled_from([TOKENS["spaced"], TOKENS["unspaced"], ["a", "b"], [*chain(*TOKENS.values())]]).flatmap(
    edits
)


@given(SESSIONS, st.lists(st.sampled_from(["", "", "", "", "final", "forget", "close"]), min_size=9, max_size=9))
@examples(500)
def test_sessions_of_any_kind(session: list[list[Segment]], steps: list[str]) -> None:
    quick, slow = Stabilizer(SETTLE), ReferenceStabilizer(SETTLE)
    heard = 0.0
    for hypothesis, step in zip(session, steps, strict=False):
        heard += 0.7
        if step == "forget":
            quick.forget()
            slow.forget()
        if step == "close":
            assert quick.close() == slow.close()
        final = step == "final"
        assert quick.update(hypothesis, heard, final=final) == slow.update(hypothesis, heard, final=final)
        assert quick.open == slow.open
        assert quick.pending == slow.pending


# ------------------------------------------------------------------------------------------------------------ work

ENGLISH = " ".join(f"word{number}" for number in range(250))
CHINESE = "".join(chr(0x4E00 + 7 * number) for number in range(500))
THAI = " ".join(f"ที่นี่ดีมาก{number}" for number in range(80))


def noting(function: Callable[[str], T], arguments: list[str]) -> Callable[[str], T]:
    """The function; what it is called with is noted."""

    def call(argument: str) -> T:
        arguments.append(argument)
        return function(argument)

    return call


@pytest.mark.parametrize(("text", "more"), [(ENGLISH, " more"), (CHINESE, "好"), (THAI, " ครับ")])
def test_an_update_does_again_only_what_its_text_has_anew(
    monkeypatch: pytest.MonkeyPatch, text: str, more: str
) -> None:
    """ICU cuts a text from the last space but one on; keys (case, Unicode's forms) are made of words that are new."""
    cut_texts: list[str] = []
    keyed: list[str] = []
    monkeypatch.setattr(units, "plain", noting(plain, keyed))
    monkeypatch.setattr(units, "cut_words", noting(cut_words, cut_texts))
    stable = Stabilizer(SETTLE)
    stable.update([Segment(0, 0.0, 60.0, 0, text)], heard=60.0)
    assert (len(cut_texts), len("".join(keyed))) == (1, len(text.replace(" ", "")))
    cut_texts.clear()
    keyed.clear()
    stable.update([Segment(0, 0.0, 60.2, 0, text)], heard=60.2)
    assert (cut_texts, keyed) == ([], []), "the same text"
    stable.update([Segment(0, 0.0, 60.4, 0, text + more)], heard=60.4)
    assert [len(part.split()) <= 3 for part in cut_texts] == [True]
    assert "".join(keyed) == more.strip()
    stable.update([Segment(0, 0.0, 60.6, 0, text)], heard=60.6)
    keyed.clear()
    stable.update([Segment(0, 0.0, 60.8, 0, "ah " + text)], heard=60.8)
    assert keyed == ["ah"], "in front: cut anew, but no word is new"
