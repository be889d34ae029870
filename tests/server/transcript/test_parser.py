from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.transcript import parser as notes
from server.transcript.events import SegmentClosed, SpeechDelta
from server.transcript.parser import TranscriptParser
from server.transcript.segments import Segment
from tests.server.transcript.answers import (
    DURATION,
    answers,
    assert_sane,
    cut_places,
    examples,
    read,
    written,
)

PLAIN = written((0, 15.43, 0, "Hello there."), (15.43, 17, None, "[Music]"), (17, 20.5, 1, "Fine."))


def test_reads_the_models_own_form() -> None:
    reading = read(PLAIN)
    assert reading.segments == [
        Segment(0, 0.0, 15.43, 0, "Hello there."),
        Segment(1, 15.43, 17.0, None, "[Music]"),
        Segment(2, 17.0, 20.5, 1, "Fine."),
    ]
    assert reading.shown == {0: "Hello there.", 2: "Fine."}
    assert reading.complete
    assert reading.notes == []


def test_words_come_while_they_are_written_and_segments_with_their_brace() -> None:
    parser = TranscriptParser(DURATION)
    assert parser.feed('[{"Start":1,"End":2,"Speaker":0,"Content":"He') == [SpeechDelta(0, "He", (1.0, 2.0))]
    assert parser.feed("llo ") == [SpeechDelta(0, "llo", (1.0, 2.0))]
    assert parser.feed("you") == [SpeechDelta(0, " you", (1.0, 2.0))]
    assert parser.feed(' "') == []
    assert parser.unfinished == "Hello you"
    source = '{"Start":1,"End":2,"Speaker":0,"Content":"Hello you "}'
    assert parser.feed("}") == [SegmentClosed(Segment(0, 1.0, 2.0, 0, "Hello you"), source=source)]
    assert parser.unfinished == ""


def test_a_tag_is_never_shown_while_it_could_become_one() -> None:
    parser = TranscriptParser(DURATION)
    assert parser.feed('[{"Start":0,"End":1,"Content":"[Mus') == []
    assert parser.feed("ic] ") == []
    assert parser.feed("la") == [SpeechDelta(0, "[Music] la", (0.0, 1.0))]
    assert TranscriptParser(DURATION).feed('[{"Content":"[a [b') == [SpeechDelta(0, "[a [b")]


@pytest.mark.parametrize("tag", ["[Music]", "[Silence] [Noise]", "[applause]"])
def test_a_tag_without_speaker_is_no_speech(tag: str) -> None:
    assert read(written((0, 1, None, tag))).shown == {}


def test_a_training_tag_is_no_speech_even_with_a_speaker() -> None:
    reading = read(written((0, 1, 2, "[Human Sounds]")))
    assert (reading.segments[0].speaker, reading.shown) == (None, {})


@pytest.mark.parametrize("speaker", [None, 1])
def test_unintelligible_speech_is_speech(speaker: int | None) -> None:
    text = "[Unintelligible Speech]"
    assert read(written((0, 1, speaker, text))).shown == {0: text}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ('"Start time":1,"End time":2,"Speaker ID":3', (1.0, 2.0, 3)),
        ('"start":"1.5","end":"00:03.25","speaker_id":"Speaker 1"', (1.5, 3.25, 1)),
        ('"START_TIME":"0:01:05,5","end-time":"66 s","speaker":"0"', (65.5, 66.0, 0)),
        ('"Start":5,"End":3,"Speaker":null', (5.0, 5.0, None)),
        ('"Start":1e-05,"End":1e3,"Speaker":0', (1e-05, DURATION, 0)),
        ('"Start":-4,"End":1000,"Speaker":-1', (0.0, DURATION, None)),
        ('"Start":500,"End":900', (DURATION, DURATION, None)),
        ('"Start":NaN,"End":"soon","Speaker":[1]', (0.0, 0.0, None)),
        ('"Start":1 "End":2\n"Speaker":0', (1.0, 2.0, 0)),
        ('"Words":[{"w":"a}]\\""}],"Start":1,"Note":"\\"}","End":2,"Speaker":0', (1.0, 2.0, 0)),
        ('"Words":[["a"],{"End":5}],"Start":1,"End":2,"Speaker":12', (1.0, 2.0, 12)),
    ],
)
@pytest.mark.parametrize("body", ['{fields},"Content":"hello"', '"Content":"hello",{fields}'])
def test_field_variants(fields: str, expected: tuple[float, float, int | None], body: str) -> None:
    reading = read(f"[{{{body.format(fields=fields)}}}]")
    assert [(s.start, s.end, s.speaker, s.text) for s in reading.segments] == [(*expected, "hello")]
    assert reading.shown == {0: "hello"}
    assert reading.complete


@pytest.mark.parametrize(
    "start",
    ['"2.99,', '"2.99",', '"2.99" ,', "Start:2.99,", '"Start:2.99,', '"Start" 2.99,', '"Start":2.99,"Start":7,'],
)
def test_damaged_starts(start: str) -> None:
    segment = read(f'[{{{start}"End":4,"Speaker":0,"Content":"hello"}}]').segments[0]
    assert (segment.start, segment.end, segment.speaker, segment.text) == (2.99, 4.0, 0, "hello")


def test_times_of_long_recordings_may_have_hours() -> None:
    segment = read('[{"Start":"1:00:01","End":"1:02:03.5","Content":"a"}]', duration=4000).segments[0]
    assert (segment.start, segment.end) == (3601.0, 3723.5)


def test_times_are_told_with_the_words_only_when_both_are_written() -> None:
    parser = TranscriptParser(DURATION)
    assert parser.feed('[{"End":4,"Content":"Hi') == [SpeechDelta(0, "Hi", None)]
    assert parser.feed(' you","Start":1}') == [
        SpeechDelta(0, " you", None),
        SegmentClosed(Segment(0, 1.0, 4.0, None, "Hi you"), '{"End":4,"Content":"Hi you","Start":1}'),
    ]


def test_content_without_quotes_may_be_long() -> None:
    text = "word " * 60 + "end"
    answer = '[{"Start":1,"Content":' + text + "}]"
    for cuts in ((), range(len(answer))):
        assert read(answer, cuts=cuts).texts == [text]


def test_objects_may_be_spread_over_lines() -> None:
    answer = json.dumps(json.loads(PLAIN), indent=12)
    for cuts in ((), range(len(answer))):
        assert read(answer, cuts=cuts).segments == read(PLAIN).segments


def test_a_missing_start_is_the_end_before_it() -> None:
    reading = read('[{"Start":1,"End":2.5,"Content":"a"},{"End":4,"Content":"b"},{"Content":"c"}]')
    assert [(s.start, s.end) for s in reading.segments] == [(1.0, 2.5), (2.5, 4.0), (4.0, 4.0)]


@pytest.mark.parametrize(
    "between",
    [",", "", "\n", ",\n\n", "},", ",,", "}{}", ",[", ", "],
)
def test_objects_are_found_whatever_stands_between(between: str) -> None:
    one, two = written((0, 1, 0, "one"))[1:-1], written((1, 2, 1, "two"))[1:-1]
    assert read(f"[{one}{between}{two}]").texts == ["one", "two"]


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ('"}{"Start"', [0, 1, 2]),
        ('",{"Start"', [2]),
        ('"{"Start"', [2]),
        ('","Start"', []),
        ('"},"Start"', [0]),
        ('"}"Start"', [0]),
    ],
)
def test_missing_braces_between_objects(broken: str, whole: list[int]) -> None:
    answer = PLAIN.replace('"},{"Start"', broken)
    reading = read(answer)
    assert reading.texts == ["Hello there.", "[Music]", "Fine."]
    assert [s.start for s in reading.segments] == [0.0, 15.43, 17.0]
    sources = {place: json.loads(source) for place, source in enumerate(reading.sources) if source}
    assert all(source in answer for source in reading.sources if source)
    assert {place: source["Content"] for place, source in sources.items()} == {p: reading.texts[p] for p in whole}


@pytest.mark.parametrize("start", ["", "[", "},", "}", "assistant\n[", " \n[", "```json\n[", "Here you are: ["])
@pytest.mark.parametrize("end", ["]", ",]", "]\n```", "]]", "] "])
def test_remains_around_the_objects(start: str, end: str) -> None:
    reading = read(start + PLAIN[1:-1] + end)
    assert reading.texts == ["Hello there.", "[Music]", "Fine."]
    assert reading.complete


@pytest.mark.parametrize(
    "start", ['{"segments":', '{ "language": "en", "segments" : ', "```json\n{\n  transcription: "]
)
@pytest.mark.parametrize("end", ["}", "\n}\n```"])
def test_a_list_inside_of_an_object_is_the_list(start: str, end: str) -> None:
    answer = start + PLAIN + end
    for cuts in ((), range(len(answer))):
        reading = read(answer, cuts=cuts)
        assert (reading.segments, reading.complete) == (read(PLAIN).segments, True)
    assert read(f"{start}[]{end}").segments == []
    assert not read(answer[: answer.index("]")]).complete


def test_objects_without_an_array() -> None:
    assert read(PLAIN[1:-1]).complete
    assert not read(PLAIN[1:-1], cut=True).complete
    assert not read(PLAIN[:-1]).complete
    assert not read(PLAIN[1:-2]).complete


def test_text_behind_the_end_is_left_out_and_told() -> None:
    reading = read(PLAIN + " I hope this helps! " + PLAIN)
    assert len(reading.segments) == 3
    assert reading.complete
    assert reading.notes == [notes.TEXT_LEFT_OUT]


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        (r"a\"b\\c\/d\ne\tf", 'a"b\\c/d\ne\tf'),
        (r"\u00e4\u4F60", "ä你"),
        (r"\ud83d\ude00!", "😀!"),
        (r"\ud83d!", "\ufffd!"),
        (r"\ud83d\n\ud83d\u0041", "\ufffd\n\ufffdA"),
        (r"\ude00x", "\ufffdx"),
        (r"\udc00\udc00", "\ufffd\ufffd"),
        (r"\ud7ff\ue000\ud800\udc00\udbff\udfff", "\ud7ff\ue000\U00010000\U0010ffff"),
        (r"C:\path \u12 \uXYZW", r"C:\path \u12 \uXYZW"),
        ("two\nlines\r\n\tand tab", "two\nlines\r\n\tand tab"),
        ("a\x00\x1b\x7fb\\u0000c", "abc"),
        (' \\u0020 padded \\n\\t" ', 'padded \n\t"'),
        ('He said "yes", "no" and "well": "so" on', 'He said "yes", "no" and "well": "so" on'),
        ('ends with "quote"', 'ends with "quote"'),
        ("{braces} and [brackets], too", "{braces} and [brackets], too"),
    ],
)
def test_strings(spelled: str, text: str) -> None:
    answer = f'[{{"Start":0,"End":1,"Speaker":0,"Content":"{spelled}"}},{{"Speaker":1,"Content":"next"}}]'
    for cuts in ((), range(len(answer))):
        reading = read(answer, cuts=cuts)
        assert reading.texts == [text, "next"]
        assert reading.shown == {0: text, 1: "next"}


def test_content_that_is_no_string() -> None:
    reading = read('[{"Content":null,"Start":1},{"Content":twelve,"Speaker":0},{"Content":""},{"Content":12}]')
    assert reading.texts == ["twelve", "12"]


@pytest.mark.parametrize(
    ("end", "texts"),
    [
        ("", ["one"]),
        (",", ["one"]),
        (',{"Start":1', ["one"]),
        (',{"Start":1,"End":2.5,"Speaker":1,"Content":"', ["one"]),
        (',{"Start":1,"End":2.5,"Speaker":1,"Content":"tw', ["one", "tw"]),
        (',{"Start":1,"End":2.5,"Speaker":1,"Content":"tw\\', ["one", "tw"]),
        (',{"Start":1,"End":2.5,"Speaker":1,"Content":"tw\\ud83d\\u', ["one", "tw"]),
        (',{"Start":1,"End":2.5,"Speaker":1,"Content":"two"', ["one", "two"]),
        (',{"Start":1,"End":2.5,"Content":"[Mus', ["one"]),
        (',{"Start":1,"End":2.5,"Content":"[Music]', ["one", "[Music]"]),
    ],
)
@pytest.mark.parametrize("cut", [False, True])
def test_a_cut_answer_keeps_all_words(end: str, texts: list[str], cut: bool) -> None:
    reading = read(written((0, 1, 0, "one"))[:-1] + end, cut=cut)
    assert reading.texts == texts
    assert [segment.end for segment in reading.segments] == [1.0, 2.5][: len(texts)]
    assert not reading.complete
    assert reading.notes == [notes.CUT if cut else notes.BROKEN_OFF]


def test_a_cut_segment_without_end_lasts_to_the_end_of_the_audio() -> None:
    segment = read('[{"Start":3,"Content":"to be con', cut=True).segments[0]
    assert (segment.start, segment.end) == (3.0, DURATION)


def test_a_time_that_was_cut_does_not_count() -> None:
    segment = read('[{"Start":3,"Content":"to be","End":1').segments[0]
    assert (segment.start, segment.end) == (3.0, DURATION)


def test_a_length_limit_behind_the_closing_bracket_cuts_nothing() -> None:
    assert read(PLAIN, cut=True).complete


@pytest.mark.parametrize(
    "prose", ["Hello you.", 'assistant\nHello "you".', "[Laughs] Hello {there} [Music]", "[{he}] said", "12, 13"]
)
def test_prose_is_one_segment_over_the_whole_recording(prose: str) -> None:
    reading = read(prose)
    text = prose.removeprefix("assistant\n")
    assert reading.segments == [Segment(0, 0.0, DURATION, None, text)]
    assert reading.shown == {0: text}
    assert not reading.complete
    assert reading.notes == [notes.NO_SEGMENTS]


def test_only_the_header_is_left_out_of_prose() -> None:
    assert read("assistant\nMy assistant\nsays hello").texts == ["My assistant\nsays hello"]
    assert read("My assistant\nsays hello").texts == ["My assistant\nsays hello"]


@pytest.mark.parametrize("nothing", ["[]", "assistant\n[ ]\n", "[\n]]"])
def test_an_empty_array_is_a_whole_answer(nothing: str) -> None:
    reading = read(nothing)
    assert (reading.segments, reading.complete, reading.notes) == ([], True, [])


@pytest.mark.parametrize("nothing", ["", " \n", "[", "[{}]", '{"', '[{"Start":0,"End":4}]', "assistant\n"])
def test_no_answer_is_told(nothing: str) -> None:
    reading = read(nothing)
    assert (reading.segments, reading.complete, reading.notes) == ([], False, [notes.NO_ANSWER])


@given(answers(), cut_places)
@examples(60)
def test_a_valid_answer_gives_its_contents_at_any_split(answer: str, cuts: list[int]) -> None:
    reading = read(answer, cuts=cuts)
    objects = json.loads(answer[answer.index("[") :])
    said = [entry.get("Content", entry.get("text")) or "" for entry in objects]
    visible = ["".join(c for c in text if c in "\t\n\r" or (c >= " " and c != "\x7f")).strip() for text in said]
    assert reading.texts == [text for text in visible if text]
    written_in = [json.loads(source) for source in reading.sources if source]
    assert written_in == [entry for entry, text in zip(objects, visible, strict=True) if text]
    assert reading.complete or not reading.texts
    assert reading.shown == {s.index: s.text for s in reading.segments if s.is_speech}
    assert_sane(reading.segments)
    assert reading == read(answer)


FIELD_BEGINS = ['"Start":', '"End":', '"Speaker":', '"Content":"', '"},{"', '","']
FRAGMENTS = [*FIELD_BEGINS, *'{}[]",:\\ \na', "1.5", "null", "\\u", "\\ud83d", "[Music]"]


@given(
    st.lists(st.sampled_from(FRAGMENTS) | st.characters(codec="utf-8"), max_size=40).map("".join),
    cut_places,
    st.booleans(),
)
@example('[{"Content":"a","Content":"b"', [], True)
@examples(60)
def test_any_text_is_read_alike_at_any_split(answer: str, cuts: list[int], cut: bool) -> None:
    check_fuzzed(answer, cuts, cut)


damages = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 8), st.sampled_from(["", *FRAGMENTS])), max_size=4)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A valid answer, cut off and with some characters replaced, lost or repeated."""
    answer = draw(answers())
    for at, lost, fragment in draw(damages):
        at %= len(answer) + 1
        answer = answer[:at] + fragment + answer[at + lost :]
    return answer[: draw(st.integers(0, len(answer)))]


@given(damaged(), cut_places, st.booleans())
@examples(60)
def test_a_damaged_answer_is_read_alike_at_any_split(answer: str, cuts: list[int], cut: bool) -> None:
    check_fuzzed(answer, cuts, cut)


def check_fuzzed(answer: str, cuts: list[int], cut: bool) -> None:
    reading = read(answer, cuts=cuts, cut=cut)
    assert_sane(reading.segments)
    assert reading.shown == {s.index: s.text for s in reading.segments if s.is_speech}
    assert reading.complete or reading.notes
    assert reading == read(answer, cut=cut)


@pytest.mark.parametrize(
    "filler", [" ", '"', '","', "\\", "[", "{", '{"', "a", "a,", "[x]", '"Start":', "\\ud83d", "\n"]
)
@pytest.mark.parametrize("begin", ["", '[{"Content":"', '[{"', '[{"Start":'])
def test_work_grows_with_the_length_alone(filler: str, begin: str) -> None:
    """Counted in characters that the scanner looks at again, not in seconds."""
    parser = TranscriptParser(DURATION)
    for piece in [begin, *filler * 300]:
        parser.feed(piece)
        assert len(parser._scanner._waiting) <= 100
