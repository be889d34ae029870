"""What subtitles have to keep to, whatever is said: limits, order, time to read; and where they break."""

from __future__ import annotations

import html
import itertools
import re

import pytest
import srt  # type: ignore[import-untyped]
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from server.transcript.formats import DEFAULT_SUBTITLES, SubtitleOptions, render_srt, render_vtt
from server.transcript.formats.subtitles.columns import chunks, columns
from server.transcript.formats.subtitles.cues import Cue, cues
from server.transcript.segments import Segment, Transcript
from tests.server.transcript.answers import examples

Said = tuple[float, float, int | None, str]

STORY = (
    "When I was younger, I used to think that the people who lived in the big houses on the hill were all very happy, "
    "but of course it was not so simple. My mother, who cleaned for Mr. Henderson and his wife, told me that they "
    "fought about money every single day, and that the children were never allowed to play in the garden."
)


def transcript(*segments: Said, duration: float = 1000.0) -> Transcript:
    return Transcript(tuple(Segment(index, *segment) for index, segment in enumerate(segments)), duration)


def shown(*segments: Said, prefixed: bool = True, **options: float) -> list[Cue]:
    chosen = SubtitleOptions(**options)  # type: ignore[arg-type]
    return cues(transcript(*segments), chosen, prefixed=prefixed)


def seconds(cue: Cue) -> tuple[float, float]:
    return cue.start / 1000, cue.end / 1000


def texts(made: list[Cue]) -> list[tuple[str, ...]]:
    return [cue.lines for cue in made]


def test_lines_are_balanced_and_break_in_front_of_what_belongs_together() -> None:
    assert texts(shown((0, 22, 0, STORY))) == [
        ("When I was younger, I used to think that", "the people who lived in the big houses"),
        ("on the hill were all very happy,", "but of course it was not so simple."),
        ("My mother, who cleaned", "for Mr. Henderson and his wife,"),
        ("told me that they fought", "about money every single day,"),
        ("and that the children were never", "allowed to play in the garden."),
    ]


def test_no_word_is_left_alone() -> None:
    said = "This sentence is a little longer than one line is."
    assert texts(shown((0, 5, 0, said))) == [("This sentence is a little", "longer than one line is.")]
    twice = shown((0, 9, 0, f"{said[:-1]} and this one goes on for about as long too."))
    assert all(len(line.split()) > 2 for cue in twice for line in cue.lines)


def test_one_line_is_used_where_the_text_fits() -> None:
    assert texts(shown((0, 5, 0, "x" * 20 + " " + "y" * 21))) == [("x" * 20 + " " + "y" * 21,)]


@pytest.mark.parametrize(
    "said", ["The 3. of May was a nice day for all of us.", 'He said "Go!" and then he went away.']
)
def test_numbers_end_no_sentence(said: str) -> None:
    (made,) = shown((0, 5, 0, said), line_width=30)
    assert "3." not in made.lines[0][-3:]


def test_japanese_breaks_between_phrases_and_chinese_between_words() -> None:
    (first, second) = shown(
        (0, 6, 0, "今日は天気がとても良いので、公園へ散歩に行きましょう。"),
        (10, 16, 0, "我们今天去公园散步，因为天气很好，明天可能会下雨。"),
    )
    assert first.lines == ("今日は天気がとても良いので、", "公園へ散歩に行きましょう。")
    assert second.lines == ("我们今天去公园散步，", "因为天气很好，明天可能会下雨。")
    narrow = shown((0, 6, 0, "今日は天気がとても良いので公園へ散歩に行きましょう"), line_width=12)
    assert narrow[0].lines == ("今日は", "天気がとても")


def test_no_line_begins_with_what_may_not_begin_one() -> None:
    """Kinsoku, where a word is longer than the line."""
    text = "あいうえおっとーーかきくけこ、さしすせ。「たちつてと」なにぬっゃーの々ハーーッシュ"
    for width in range(14, 30):
        parts = chunks(text, width)
        assert "".join(parts) == text
        assert all(columns(part) <= width for part in parts)
        assert not any(part[0] in "っゃーッュ、。」々" for part in parts)
        assert not any(part[-1] in "「" for part in parts)


def test_thai_breaks_between_words() -> None:
    words = ["วันนี้", "อากาศ", "ดี", "มาก", "เรา", "ไป", "เดิน", "เล่น", "ที่", "สวน", "กัน", "เถอะ"]
    (made,) = shown((0, 6, 0, "".join(words)), line_width=20)
    assert all(columns(line) <= 20 for line in made.lines)
    ends = set(itertools.accumulate(map(len, words)))
    assert set(itertools.accumulate(map(len, made.lines))) <= ends


def test_text_from_right_to_left_is_left_as_it_is() -> None:
    said = "مرحبا بكم في هذا البرنامج، وسوف نتحدث اليوم عن الطقس في المدينة."
    (made,) = shown((0, 6, 0, said))
    assert " ".join(made.lines) == said
    assert made.lines[0].endswith("،")


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("漢字", 4),
        ("한글", 4),
        ("ﾊﾝｶｸ", 4),
        ("e\u0301a\u0308", 2),
        ("กี่", 1),
        ("👨\u200d👩\u200d👧\u200d👦", 2),
        ("❤\ufe0f", 2),
        ("🇨🇭🇩🇪", 4),
        ("👍🏽", 2),
        ("a\u200bb\u200f", 2),
        ("①", 1),
    ],
)
def test_columns(text: str, width: int) -> None:
    assert columns(text) == width


def test_no_character_is_cut_where_a_word_is_longer_than_a_line() -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"
    made = shown((0, 6, 0, family * 30), max_cps=100)
    assert texts(made) == [(family * 21, family * 9)]


def test_an_address_is_cut_where_a_line_may_end() -> None:
    (made,) = shown((0, 6, 0, "https://example.org/a/long/path/that/goes/on/and/on/for/ever"))
    assert "".join(made.lines) == "https://example.org/a/long/path/that/goes/on/and/on/for/ever"
    assert made.lines[0].endswith("/")


def test_a_long_word_stays_whole_where_lines_are_short() -> None:
    made = shown((0, 6, 0, "Die Donaudampfschifffahrtsgesellschaft fährt"), line_width=16)
    assert [line for cue in made for line in cue.lines] == ["Die", "Donaudampfschifffahrtsgesellschaft", "fährt"]


def test_a_short_cue_stays_into_the_silence_behind_it() -> None:
    made = shown(
        (10, 10.2, 0, "Yes."), (20, 20.2, 0, "It is a long sentence that takes time."), min_duration=1, max_cps=10
    )
    assert [seconds(cue) for cue in made] == [(10, 11), (20, 23.8)]


def test_and_comes_earlier_where_somebody_speaks_behind_it() -> None:
    made = shown(
        (10, 10.2, 0, "It takes time."), (10.2, 15, 1, "Of course."), max_cps=10, line_count=1, speaker_labels=False
    )
    assert [seconds(cue) for cue in made] == [(8.717, 10.117), (10.2, 15)]


def test_but_not_by_more_than_a_second_and_a_half() -> None:
    made = shown(
        (10, 10.2, 0, "It takes a lot of time to read."),
        (10.2, 15, 1, "Of course."),
        max_cps=10,
        line_count=1,
        speaker_labels=False,
    )
    assert seconds(made[0]) == (8.5, 10.117)


def test_short_gaps_are_closed_and_long_ones_stay() -> None:
    made = shown((0, 2, 0, "One."), (2.4, 4, 1, "Two."), (5, 6, 0, "Three."), speaker_labels=False)
    assert [seconds(cue) for cue in made] == [(0, 2.317), (2.4, 4), (5, 6)]


def test_a_cue_is_gone_after_the_longest_time() -> None:
    made = shown((0, 60, 0, "Well then."), max_duration=5)
    assert [seconds(cue) for cue in made] == [(0, 5), (30, 35)]


def test_a_turn_is_cut_by_the_time_that_reading_takes() -> None:
    made = shown((0, 20, 0, STORY), max_duration=3, max_cps=10)
    assert all(sum(map(len, cue.lines)) + len(cue.lines) - 1 <= 30 for cue in made)


def test_words_come_a_little_later_where_there_is_silence_to_read_them_in() -> None:
    hasty = shown((0, 10, 0, STORY), (20, 22, 0, "Good."))
    assert 10_000 < hasty[-2].end <= 14_000
    assert shown((0, 10, 0, STORY), (10, 12, 1, "Good."))[-2].end <= 10_000


def test_a_segment_whose_time_is_wrong_is_read_all_the_same() -> None:
    made = shown((5, 5.1, 0, STORY), (60, 62, 0, "Good."))
    assert all(cue.end - cue.start >= 1000 * sum(map(columns, cue.lines)) / 18 for cue in made)


def test_a_quick_exchange_is_shown_at_once() -> None:
    (made,) = shown((3, 3.3, 0, "Tea?"), (3.4, 3.7, 1, "Yes."), speaker_labels=False)
    assert (made.lines, seconds(made)) == (("- Tea?", "- Yes."), (3, 3.833))


def test_nobody_talks_over_himself() -> None:
    made = shown(
        (0, 8, 0, "One two three four five six seven."), (2, 3, 1, "What?"), (4, 6, 0, "Eight nine."), line_count=1
    )
    text = " ".join(line for cue in made for line in cue.lines)
    said = [word for word in re.findall(r"\w+", text) if word not in ("Speaker", "1", "2", "What")]
    assert " ".join(said) == "One two three four five six seven Eight nine"
    assert seconds(made[-1])[0] < 5


def test_two_who_begin_together_share_a_cue() -> None:
    (made,) = shown((0, 2, 0, "Are you coming?"), (0.5, 1.5, 1, "No."))
    assert made.lines == ("- Speaker 1: Are you coming?", "- Speaker 2: No.")
    (voiced,) = webvtt.from_string(
        render_vtt(transcript((0, 2, 0, "Are you coming?"), (0.5, 1.5, 1, "No <b>.")))
    ).captions
    assert voiced.raw_text == "<v Speaker 1>- Are you coming?</v>\n<v Speaker 2>- No &lt;b&gt;.</v>"


@pytest.mark.parametrize(
    "overlapping",
    [
        ((0, 6, 0, "I say a thing for a long time."), (2, 3, 1, "And I say yes.")),
        ((0, 2, 0, "Are you coming with us to the lake?"), (0.5, 1.5, 1, "No.")),
    ],
)
def test_others_are_shown_one_after_the_other(overlapping: tuple[Said, ...]) -> None:
    one, two = shown(*overlapping)
    assert two.start - one.end >= 83
    assert [min(cue.end - cue.start, 833) for cue in (one, two)] == [833, 833]


def names(made: list[Cue]) -> list[str | None]:
    """Who is named at the begin of each cue."""
    return [found[0] if (found := re.match(r"Speaker \d", cue.lines[0])) else None for cue in made]


def test_a_turn_that_goes_on_behind_somebody_elses_is_named_again() -> None:
    interrupted = shown((0, 20, 0, STORY[:170]), (4, 5, 1, "Really?"))
    assert names(interrupted) == ["Speaker 1", None, "Speaker 2", "Speaker 1", None]
    again = shown((0, 2, 0, "Well."), (5, 12, 0, STORY[:80]), (8, 9, 1, "Really, is that how it was?"), line_count=1)
    assert names(again)[:2] == ["Speaker 1", None]
    assert "Speaker 1" in names(again)[names(again).index("Speaker 2") :]


def test_behind_a_cue_of_two_everybody_is_named() -> None:
    both, after = shown((0, 2, 0, "Are you coming?"), (0.5, 1.5, 1, "No."), (5, 7, 1, "Sorry."))
    assert len(both.voices) == 2
    assert after.lines == ("Speaker 2: Sorry.",)


def test_what_overlaps_is_late_by_a_second_and_a_half_at_most() -> None:
    talk = [(2.0 * turn, 2.0 * turn + 3, turn % 2, STORY[:60]) for turn in range(8)]
    late = [cue.start / 1000 - 2.0 * turn for turn, cue in enumerate(shown(*talk))]
    assert 0.5 < max(late) < 1.6


WORDS = """a the of yes no, well. Really? Henderson understanding <i> & --> {\\an8} 42 漢字 です。 ประเทศไทย שלום मैं
हिन्दी 👨‍👩‍👧 Quoi ?"""
words = st.sampled_from(WORDS.split())
sentences = st.lists(words, min_size=1, max_size=40).map(" ".join) | (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=120)
    .map(str.strip)
    .filter(bool)
)
said = st.lists(
    st.tuples(st.floats(0, 60), st.floats(0, 20), st.sampled_from([None, 0, 1, 2]), sentences).map(
        lambda values: (values[0], values[0] + values[1], *values[2:])
    ),
    max_size=6,
)
limits = st.just(DEFAULT_SUBTITLES) | st.builds(
    SubtitleOptions,
    line_width=st.integers(10, 60),
    line_count=st.integers(1, 4),
    min_duration=st.floats(0, 2),
    max_duration=st.floats(2, 10),
    max_cps=st.floats(5, 40),
    min_gap=st.floats(0, 0.5).map(lambda gap: round(gap, 3)),
    speaker_labels=st.booleans(),
)


def is_somebody(speaker: int | None) -> bool:
    return speaker is not None


def letters(text: str) -> str:
    return "".join(text.split())


@given(said, limits)
@examples(60)
def test_every_word_appears_once_and_in_order(segments: list[Said], options: SubtitleOptions) -> None:
    spoken = transcript(*segments)
    made = cues(spoken, options, prefixed=False)
    told: dict[str | None, str] = {}
    for cue in made:
        for voice in cue.voices:
            dash = "- " * (len(cue.voices) > 1)
            told[voice.speaker] = told.get(voice.speaker, "") + letters("".join(voice.lines).removeprefix(dash))
    assert sorted("".join(told.values())) == sorted(letters(spoken.text))
    speakers = list(dict.fromkeys(segment.speaker for segment in spoken.speech))
    if options.speaker_labels or len(speakers) == 1:
        names = {speaker: f"Speaker {place}" for place, speaker in enumerate(filter(is_somebody, speakers), start=1)}
        for speaker in speakers:
            theirs = sorted((s for s in spoken.speech if s.speaker == speaker), key=lambda segment: segment.start)
            name = names.get(speaker) if len(speakers) > 1 else None
            assert told[name] == letters("".join(segment.text for segment in theirs))


@given(said, limits)
@examples(60)
def test_no_cue_is_over_its_limits(segments: list[Said], options: SubtitleOptions) -> None:
    for prefixed in (True, False):
        made = cues(transcript(*segments), options, prefixed=prefixed)
        for cue in made:
            assert 1 <= len(cue.lines) <= options.line_count
            assert all(line.strip() for line in cue.lines)
            assert all(columns(line) <= max(options.line_width, 42 if " " not in line else 0) for line in cue.lines)
            assert 0 < cue.end - cue.start <= 1000 * options.max_duration + 1
        for one, two in itertools.pairwise(made):
            assert one.end <= two.start


@given(said, limits)
@examples(60)
def test_durations_and_gaps_hold_where_there_is_room(segments: list[Said], options: SubtitleOptions) -> None:
    spoken = transcript(*segments)
    made = cues(spoken, options, prefixed=False)
    gap = 1000 * options.min_gap
    behinds = [*(cue.start - gap for cue in made[1:]), 1000 * spoken.duration]
    for cue, behind in zip(made, behinds, strict=False):
        reading = options.reading_time(sum(map(columns, cue.lines)))
        lasting = cue.end - cue.start
        assert behind >= cue.end - 1 or lasting <= 2 * gap + 2, "the gap is kept where the cue is not shorter than it"
        if lasting < 1000 * reading - 1:
            assert behind - cue.end <= 1, "there is room behind"


@given(said, limits)
@examples(40)
def test_what_is_written_is_read_back(segments: list[Said], options: SubtitleOptions) -> None:
    spoken = transcript(*segments)
    parsed = list(srt.parse(render_srt(spoken, options)))
    made = cues(spoken, options, prefixed=True)
    assert [cue.index for cue in parsed] == list(range(1, len(made) + 1))
    read = [letters(cue.content).replace("\u200c", "").translate(str.maketrans("｛｝", "{}")) for cue in parsed]
    assert read == [
        letters("".join(cue.lines)).replace("\u200c", "").replace("-->", "→").translate(str.maketrans("｛｝", "{}"))
        for cue in made
    ]
    voiced = webvtt.from_string(render_vtt(spoken, options)).captions
    plain = cues(spoken, options, prefixed=False)
    assert [letters(html.unescape(cue.text)) for cue in voiced] == [letters("".join(cue.lines)) for cue in plain]
