"""What a family's grammar writes, the parser reads: the same segments, wherever the text is split."""

from __future__ import annotations

from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.family import FAMILIES, Family
from tests.server.transcript.answers import DURATION, contents, cut_places, examples, read, times


def words(text: str) -> str:
    """What somebody can have said: no control characters, which the parser leaves out."""
    return "".join(character for character in text if category(character) != "Cc").strip()


said = st.tuples(times, times, st.integers(0, 30), contents.map(words).filter(lambda text: text[:1] not in ("", "[")))
tags = st.tuples(times, times, st.none(), st.sampled_from(["[Silence]", "[Music]", "[Unintelligible Speech]"]))


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.turns is None], ids=lambda f: f.name)
@given(segments=st.lists(said | tags, min_size=1, max_size=4), cuts=cut_places, header=st.booleans())
@examples(100)
def test_segments_are_read_as_they_were_written(
    family: Family,
    segments: list[tuple[float, float, int | None, str]],
    cuts: list[int],
    header: bool,
) -> None:
    grammar = family.grammar
    ordered = [(min(start, end), max(start, end), who, text) for start, end, who, text in segments]
    answer = grammar.opening(grammar.segment(*each) for each in ordered) + "]"
    reading = read(grammar.header * header + answer, cuts=cuts, duration=DURATION)
    assert [(s.start, s.end, s.speaker, s.text) for s in reading.segments] == ordered
    assert reading.complete
    assert not reading.notes
