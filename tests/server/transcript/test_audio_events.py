"""Sounds that are no speech: what counts as one, and in which formats it is told, by request and by default."""

from __future__ import annotations

import pytest

from server.protocols.openai.events import OpenAIEvents
from server.protocols.openai.response_format import ResponseFormat
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.transcript.events import SegmentClosed
from server.transcript.formats import (
    SubtitleOptions,
    render_diarized_json,
    render_json,
    render_lrc,
    render_srt,
    render_text,
    render_verbose_json,
    render_vtt,
)
from server.transcript.segments import Segment, Transcript
from server.transcript.tags import UNINTELLIGIBLE, name_sounds
from tests.server.transcript.answers import read, written

SHOWN = SubtitleOptions(audio_events=True)
TRANSCRIPT = Transcript(
    (
        Segment(0, 0.0, 2.0, 0, "Good evening."),
        Segment(1, 2.0, 6.0, None, "[Applause And Cheering]"),
        Segment(2, 6.2, 8.0, 0, "Thank you."),
        Segment(3, 8.0, 9.0, 1, "Well said."),
    ),
    10.0,
)
WORDS = "Good evening. Thank you. Well said."
SOUNDS = [
    *("[Music]", "[Human Sounds]", "[Environmental Sounds]", "[Noise]", "[Silence]", "[music]"),
    *("[Applause]", "[Applause And Cheering]", "[Laughter]", "[background_noise]", "[Music] [Applause]"),
]
WORDED = [UNINTELLIGIBLE, "[John]", "[Laughter] Yes.", "Music", "[]", "[and]", "Applause And Cheering", "[inaudible]"]


@pytest.mark.parametrize("tag", SOUNDS)
@pytest.mark.parametrize(
    "speaker", ['"Speaker":2,', "", '"Speaker":null,', '"Speaker":"N/A",', '"Speaker":"Speaker 2",']
)
def test_nobody_speaks_a_sound_whatever_speaker_the_model_numbers(tag: str, speaker: str) -> None:
    reading = read(f'[{{"Start":0,"End":1,{speaker}"Content":"{tag}"}}]')
    assert reading.segments == [Segment(0, 0.0, 1.0, None, tag)]
    assert not reading.segments[0].is_speech
    assert reading.shown == {}
    assert reading.complete


@pytest.mark.parametrize("text", WORDED)
def test_what_somebody_may_have_said_is_speech_where_there_is_a_speaker(text: str) -> None:
    assert not name_sounds(text)
    assert read(written((0, 1, 2, text))).segments == [Segment(0, 0.0, 1.0, 2, text)]


def test_the_text_never_has_them() -> None:
    assert TRANSCRIPT.text == render_text(TRANSCRIPT) == render_json(TRANSCRIPT)["text"] == WORDS
    for shown in (False, True):
        assert render_diarized_json(TRANSCRIPT, audio_events=shown)["text"] == WORDS
        assert render_verbose_json(TRANSCRIPT, temperature=0, audio_events=shown)["text"] == WORDS


def test_segments_have_them_where_they_are_wanted() -> None:
    def texts(body: dict[str, object]) -> list[str]:
        segments = body["segments"]
        assert isinstance(segments, list)
        return [segment["text"] for segment in segments]

    every, speech = [segment.text for segment in TRANSCRIPT.segments], [segment.text for segment in TRANSCRIPT.speech]
    assert texts(render_diarized_json(TRANSCRIPT)) == speech
    assert texts(render_verbose_json(TRANSCRIPT, temperature=0)) == every
    assert texts(render_verbose_json(TRANSCRIPT, temperature=0, audio_events=False)) == speech
    told = render_diarized_json(TRANSCRIPT, audio_events=True)
    assert texts(told) == every
    segments = told["segments"]
    assert isinstance(segments, list)
    assert [segment["speaker"] for segment in segments] == ["A", "", "A", "B"], "and no letter is used up"


@pytest.mark.parametrize("shown", [False, True])
def test_events_tell_the_same_segments(shown: bool) -> None:
    events = OpenAIEvents(diarized=True, logprobs=False, speaker_names={}, audio_events=shown)
    told = events.progress([SegmentClosed(segment) for segment in TRANSCRIPT.segments])
    assert told == render_diarized_json(TRANSCRIPT, audio_events=shown)["segments"]
    undiarized = OpenAIEvents(diarized=False, logprobs=False, speaker_names={}, audio_events=shown)
    assert undiarized.progress([SegmentClosed(segment) for segment in TRANSCRIPT.segments]) == []


@pytest.mark.parametrize("render", [render_srt, render_vtt, render_lrc])
def test_captions_show_them_as_cues_of_nobody(render: object) -> None:
    assert callable(render)
    assert "[Applause" not in render(TRANSCRIPT)
    shown = render(TRANSCRIPT, SHOWN)
    lines = [line for line in shown.splitlines() if "[Applause And Cheering]" in line]
    assert len(lines) == 1
    assert "Speaker" not in lines[0]
    assert shown.count("Speaker 1") == 2, "who goes on behind it is named again"


def test_a_sound_is_a_cue_of_its_own_beside_words_of_nobody_known() -> None:
    transcript = Transcript((Segment(0, 0, 2, None, "Hello."), Segment(1, 2.1, 4, None, "[Music]")), 5.0)
    assert render_srt(transcript, SHOWN).count("-->") == 2


@pytest.mark.parametrize("answer", ResponseFormat)
@pytest.mark.parametrize(("asked", "expected"), [(None, None), ("", None), ("true", True), ("False", False)])
def test_a_request_says_or_its_format_does(answer: ResponseFormat, asked: str | None, expected: bool | None) -> None:
    fields = {"response_format": answer.value} | ({} if asked is None else {"tag_audio_events": asked})
    parameters = TranscriptionParameters.model_validate(fields)
    by_format = answer is ResponseFormat.VERBOSE_JSON
    assert parameters.shows_audio_events == (by_format if expected is None else expected)
    again = TranscriptionParameters.model_validate_json(parameters.model_dump_json())
    assert again.tag_audio_events is expected


def test_a_cut_answer_says_so_in_vtt_too() -> None:
    """srt has no comments: there it is in the header alone."""
    cut = Transcript(TRANSCRIPT.segments, 10.0, complete=False, notes=("It was cut:\n\nat --> 9 s.", "Sorry."))
    assert render_vtt(cut).endswith("\n\nNOTE It was cut: at → 9 s. Sorry.\n")
    assert "NOTE" not in render_vtt(TRANSCRIPT)
