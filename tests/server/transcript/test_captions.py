"""SubRip and WebVTT as the libraries that read them see them."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
import srt  # type: ignore[import-untyped]
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from server.transcript.formats import render_srt, render_vtt
from server.transcript.formats.cues import COLUMNS, LINES, cues
from server.transcript.segments import Segment, Transcript
from tests.server.transcript.answers import examples

LONG = (
    "This is the first sentence of a long turn that nobody could read. "
    "And here is another one, so that there is something to cut. It ends with avery" + "longword" * 9
)


def transcript(*segments: tuple[float, float, int | None, str]) -> Transcript:
    return Transcript(tuple(Segment(index, *segment) for index, segment in enumerate(segments)), 200_000.0)


def captions(text: str) -> list[tuple[str, str, str]]:
    return [(cue.start, cue.end, cue.text) for cue in webvtt.from_string(text).captions]


def test_one_speaker_needs_no_name() -> None:
    spoken = transcript((0, 1.5, 0, "Hello."), (1.5, 2, None, "[Music]"), (2, 3725.25, 0, "Bye."))
    assert render_srt(spoken) == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n2\n00:00:02,000 --> 01:02:05,250\nBye.\n\n"
    )
    assert render_vtt(spoken) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello.\n\n00:00:02.000 --> 01:02:05.250\nBye.\n\n"
    )


def test_several_speakers_are_named() -> None:
    spoken = transcript((0, 1, 0, "Hello."), (1, 2, 1, "Hi."), (2, 3, None, "Who?"))
    assert [cue.content for cue in srt.parse(render_srt(spoken))] == ["Speaker 1: Hello.", "Speaker 2: Hi.", "Who?"]
    voiced = webvtt.from_string(render_vtt(spoken)).captions
    assert [(cue.voice, cue.text) for cue in voiced] == [("Speaker 1", "Hello."), ("Speaker 2", "Hi."), (None, "Who?")]


def test_known_speakers_are_named_by_their_names() -> None:
    segments = (Segment(0, 0, 1, 0, "Hello."), Segment(1, 1, 2, 1, "Hi."))
    spoken = Transcript(segments, 2.0, speaker_names={1: "Ada <&> Co"})
    assert "\nSpeaker 1: Hello.\n" in render_srt(spoken)
    assert "\nAda <&> Co: Hi.\n" in render_srt(spoken)
    assert "\n<v Ada &lt;&amp;&gt; Co>Hi.\n" in render_vtt(spoken)


@pytest.mark.parametrize("segments", [(), ((0, 5, None, "[Silence]"),)])
def test_nothing_said(segments: tuple[tuple[float, float, int | None, str], ...]) -> None:
    spoken = transcript(*segments)
    assert render_srt(spoken) == ""
    assert render_vtt(spoken) == "WEBVTT\n\n"
    assert captions(render_vtt(spoken)) == []


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(59.9996, "00:01:00,000"), (3599.9999, "01:00:00,000"), (0.0005, "00:00:00,000"), (360_000.5, "100:00:00,500")],
)
def test_rounding_carries(seconds: float, written: str) -> None:
    text = render_srt(transcript((seconds, seconds + 10, 0, "x")))
    assert f"\n{written} --> " in text
    assert f"\n{written.replace(',', '.')} --> " in render_vtt(transcript((seconds, seconds + 10, 0, "x")))


def test_a_cue_lasts_at_least_a_millisecond() -> None:
    assert " --> 00:00:01,001\n" in render_srt(transcript((1, 1, 0, "x")))


def test_marks_in_the_text_break_nothing() -> None:
    text = "a --> b ---> <b>c</b> & d"
    spoken = transcript((0, 1, 0, text), (1, 2, 0, "1\n\n2\n00:00:00,000 --> 00:00:01,000\nx"))
    assert [cue.content for cue in srt.parse(render_srt(spoken))] == [
        "a → b -→ <b>c</b> & d",
        "1 2 00:00:00,000 → 00:00:01,000 x",
    ]
    assert "\na --&gt; b ---&gt; &lt;b&gt;c&lt;/b&gt; &amp; d\n" in render_vtt(spoken)
    assert len(captions(render_vtt(spoken))) == 2


def test_a_long_turn_is_cut_where_a_sentence_ends() -> None:
    spoken = transcript((10, 40, 0, LONG), (40, 41, 1, "Yes."))
    parsed = list(srt.parse(render_srt(spoken)))
    assert parsed[0].content.replace("\n", " ").startswith("Speaker 1: This is the first")
    assert "Speaker" not in parsed[1].content
    assert any(cue.content.endswith("read.") for cue in parsed)
    assert parsed[0].start == timedelta(seconds=10)
    assert parsed[-2].end == parsed[-1].start == timedelta(seconds=40)


def test_wide_characters_take_two_columns() -> None:
    made = cues(transcript((0, 30, 0, "漢字" * 50)))
    assert [[len(line) for line in cue.lines] for cue in made] == [[20, 20], [20, 20], [20]]  # 漢字 is one word


def test_lines_break_between_words_of_scripts_without_spaces() -> None:
    (made,) = cues(transcript((0, 30, 0, "今天天气很好我们去公园走走吧" * 2)))
    assert made.lines == ("今天天气很好我们去公园走走吧今天天气很好", "我们去公园走走吧")


def test_marks_take_no_column() -> None:
    (made,) = cues(transcript((0, 30, 0, "กี่ " * 30)))
    assert [len(line.split()) for line in made.lines] == [21, 9]


def test_no_character_is_cut_where_a_word_is_longer_than_a_line() -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"
    (made,) = cues(transcript((0, 30, 0, family * 30)))
    assert made.lines == (family * 21, family * 9)


def test_cues_are_in_order_of_their_starts() -> None:
    spoken = transcript((5, 9, 0, "late"), (1, 8, 1, "early"))
    assert [cue.content for cue in srt.parse(render_srt(spoken))] == ["Speaker 2: early", "Speaker 1: late"]


segments = st.lists(
    st.tuples(
        st.floats(0, 100),
        st.floats(0, 100),
        st.sampled_from([None, 0, 1]),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=200)
        .map(str.strip)
        .filter(bool),
    ).map(lambda values: (values[0], values[0] + values[1], *values[2:])),
    max_size=4,
)


@given(segments)
@examples(60)
def test_cues_fit_and_lose_nothing(said: list[tuple[float, float, int | None, str]]) -> None:
    spoken = transcript(*said)
    made = cues(spoken)
    assert all(1 <= len(cue.lines) <= LINES for cue in made)
    assert all(0 < len(line) <= COLUMNS for cue in made for line in cue.lines)
    assert all(cue.start < cue.end for cue in made)
    assert all(one.start <= two.start for one, two in itertools.pairwise(made))
    letters = sorted("".join("".join(cue.lines) for cue in made).replace(" ", ""))
    assert letters == sorted("".join(spoken.text.split()))
    assert len(captions(render_vtt(spoken))) == len(made)


@given(segments)
@examples(40)
def test_srt_is_read_back(said: list[tuple[float, float, int | None, str]]) -> None:
    spoken = transcript(*said)
    parsed = list(srt.parse(render_srt(spoken)))
    assert [cue.index for cue in parsed] == list(range(1, len(parsed) + 1))
    assert len(parsed) == len(cues(spoken, prefixed=True))
