"""SubRip and WebVTT as the libraries that read them see them."""

from __future__ import annotations

import html
import io
from datetime import timedelta
from typing import Any

import av
import pytest
import srt  # type: ignore[import-untyped]
import webvtt

from server.transcript.formats import SubtitleOptions, render_srt, render_vtt
from server.transcript.segments import Segment, Transcript


def transcript(*segments: tuple[float, float, int | None, str]) -> Transcript:
    return Transcript(tuple(Segment(index, *segment) for index, segment in enumerate(segments)), 200_000.0)


def captions(text: str) -> list[tuple[str, str, str]]:
    return [(cue.start, cue.end, cue.text) for cue in webvtt.from_string(text).captions]


def contents(text: str) -> list[str]:
    return [cue.content for cue in srt.parse(text)]


def test_one_speaker_needs_no_name() -> None:
    spoken = transcript((0, 1.5, 0, "Hello."), (2.5, 3, None, "[Music]"), (3725.25, 3726.5, 0, "Bye."))
    assert render_srt(spoken) == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n2\n01:02:05,250 --> 01:02:06,500\nBye.\n\n"
    )
    assert render_vtt(spoken) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello.\n\n01:02:05.250 --> 01:02:06.500\nBye.\n\n"
    )


def test_several_speakers_are_named_where_they_change() -> None:
    spoken = transcript((0, 1, 0, "Hello."), (1, 2, 1, "Hi."), (3, 4, 1, "Well."), (4, 5, None, "Who?"))
    assert contents(render_srt(spoken)) == ["Speaker 1: Hello.", "Speaker 2: Hi.", "Well.", "Who?"]
    voiced = webvtt.from_string(render_vtt(spoken)).captions
    assert [(cue.voice, cue.text) for cue in voiced] == [
        ("Speaker 1", "Hello."),
        ("Speaker 2", "Hi."),
        ("Speaker 2", "Well."),
        (None, "Who?"),
    ]


def test_names_may_be_left_out() -> None:
    spoken = transcript((0, 2, 0, "Hello."), (1, 2, 1, "Hi."), (3, 4, 1, "Well."))
    unlabelled = SubtitleOptions(speaker_labels=False)
    assert contents(render_srt(spoken, unlabelled)) == ["- Hello.\n- Hi.", "Well."]
    assert "<v" not in render_vtt(spoken, unlabelled)


def test_known_speakers_are_named_by_their_names() -> None:
    segments = (Segment(0, 0, 1, 0, "Hello."), Segment(1, 1, 2, 1, "Hi."))
    spoken = Transcript(segments, 2.0, speaker_names={1: "Ada <&> Co"})
    assert "\nSpeaker 1: Hello.\n" in render_srt(spoken)
    assert "\nAda <\u200c&> Co: Hi.\n" in render_srt(spoken)
    assert "\n<v Ada &lt;&amp;&gt; Co>Hi.\n" in render_vtt(spoken)


def test_a_name_that_fills_the_screen_is_cut() -> None:
    segments = (Segment(0, 0, 3, 0, "Hello."), Segment(1, 3, 6, 1, "Hi."))
    spoken = Transcript(segments, 9.0, speaker_names={1: "Her Majesty\nthe Queen " * 5})
    assert contents(render_srt(spoken)) == ["Speaker 1: Hello.", "Her Majesty the Que…: Hi."]
    narrow = SubtitleOptions(line_width=12, line_count=1)
    assert contents(render_srt(spoken, narrow)) == ["Hello.", "Hi."]
    assert contents(render_srt(spoken, SubtitleOptions(line_width=12))) == ["Speaker 1:\nHello.", "Hi."]


@pytest.mark.parametrize("segments", [(), ((0, 5, None, "[Silence]"),), ((0, 5, 0, "\x00\x07"),)])
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


def test_marks_in_the_text_break_nothing() -> None:
    text = "a --> b ---> <b>c</b> & d"
    spoken = transcript((0, 2, 0, text), (3, 6, 0, "1\n\n2\n00:00:00,000 --> 00:00:01,000\nx"))
    assert contents(render_srt(spoken)) == [
        "a → b -→ <\u200cb>c<\u200c/b> & d",
        "1 2 00:00:00,000 → 00:00:01,000 x",
    ]
    assert "\na --&gt; b ---&gt; &lt;b&gt;c&lt;/b&gt; &amp; d\n" in render_vtt(spoken)
    assert len(captions(render_vtt(spoken))) == 2


def decoded(text: str, container: str) -> list[str]:
    """Cues as FFmpeg gives them to libass, which is what mpv shows."""
    events = []
    with av.open(io.BytesIO(text.encode()), mode="r", format=container) as opened:
        for packet in opened.demux(subtitles=0):
            for shown in packet.decode():
                event: Any = shown
                events.append(event.ass.decode().split(",", 8)[8])
    return events


@pytest.mark.parametrize(
    "said",
    [
        "<i>x</i>",
        "< i >x",
        "a List<String> b",
        'a <font color="red">b</font>',
        "<!-- x -->",
        "</b> x",
        "<3",
        "3 < 4 and 5 > 4",
        "a <= b",
        "<x",
        r"{\an8}up",
        r"{\i1} {b}",
        "{y:i}x",
        "f(x) { return }",
        "{ open",
        "&lt;i&gt; &amp; &#60; R&D;",
        r"C:\New\host\name",
        "42",
        "7 42",
        "1\n2\n\n3",
        "-- > ->",
        "NOTE x",
        "WEBVTT",
        "00:00:01,000 --> 00:00:02,000",
        "x\x00y\x1b[1mz",
    ],
)
def test_what_looks_like_markup_is_shown(said: str) -> None:
    spoken = transcript((0, 5, 0, said), (6, 9, 0, "next"))
    seen = " ".join(said.replace("\x00", "").replace("\x1b", "").split())
    events = decoded(render_srt(spoken), "srt")
    assert len(events) == 2
    # Nothing that libass would obey is left: neither an override between braces nor an escape.
    assert "{" not in events[0] or "}" not in events[0]
    assert not any(f"\\{letter}" in events[0] for letter in "nh")
    plain = (
        events[0].replace("\\N", " ").replace("\u200c", "").replace("→", "-->").translate(str.maketrans("｛｝", "{}"))
    )
    assert plain == seen
    (first, second) = webvtt.from_string(render_vtt(spoken)).captions
    assert (html.unescape(" ".join(first.text.split())), second.text) == (seen, "next")
    assert "<" not in first.raw_text


def test_what_cannot_be_taken_for_markup_stays_as_it_is() -> None:
    said = "3 < 4 & so on, a <= b, I <3 you, AT&T, C:\\temp, {open"
    assert contents(render_srt(transcript((0, 5, 0, said))))[0].replace("\n", " ") == said


def test_srt_is_numbered_from_one() -> None:
    spoken = transcript((0, 4, 0, "One."), (5, 9, 1, "Two."), (10, 12, 0, "Three."))
    parsed = list(srt.parse(render_srt(spoken)))
    assert [cue.index for cue in parsed] == [1, 2, 3]
    assert parsed[1].start == timedelta(seconds=5)
