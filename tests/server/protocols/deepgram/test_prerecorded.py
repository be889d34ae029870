"""A transcript in the shape of Deepgram's answer for files."""

from __future__ import annotations

from typing import Any

import pytest

from server.protocols.deepgram import alternatives
from server.protocols.deepgram.prerecorded import render
from server.protocols.deepgram.query import ListenQuery
from server.transcript.segments import Segment, Transcript
from server.transcript.words import Word, segment_words

SEGMENTS = (
    Segment(0, 0.0, 2.0, 0, "Good morning. How are you?", -0.1),
    Segment(1, 2.0, 2.5, None, "[Silence]"),
    Segment(2, 2.5, 3.0, 1, "Fine,", -0.3),
    Segment(3, 3.0, 4.0, 1, "thanks!", -0.3),
)


def rendered(query: str, **transcript: Any) -> dict[str, Any]:
    pairs = [tuple(part.partition("=")[::2]) for part in query.split("&") if part]
    made: dict[str, Any] = render(
        Transcript(SEGMENTS, 4.5, **transcript),
        ListenQuery.parse((name, value) for name, value in pairs),
        served_model="vibevoice-asr",
        request_id="req_1",
        sha256="00",
        created="2026-01-02T03:04:05.678Z",
    )
    return made


def test_the_plain_answer() -> None:
    answer = rendered("")
    summary, results = answer["metadata"], answer["results"]
    assert (summary["request_id"], summary["sha256"], summary["duration"]) == ("req_1", "00", 4.5)
    assert summary["model_info"][summary["models"][0]]["name"] == "vibevoice-asr"
    assert "warnings" not in summary
    assert list(results) == ["channels"]
    ((best,),) = (channel["alternatives"] for channel in results["channels"])
    assert set(best) == {"transcript", "confidence", "words"}
    assert best["transcript"] == "Good morning. How are you? Fine, thanks!"
    assert [word["punctuated_word"] for word in best["words"]] == best["transcript"].split()
    assert [word["word"] for word in best["words"]][-2:] == ["fine", "thanks"]
    assert not any("speaker" in word for word in best["words"])
    assert best["confidence"] == pytest.approx((5 * 0.9048 + 2 * 0.7408) / 7, abs=1e-3)


@pytest.mark.parametrize("wanted", ["diarize=true", "diarize_model=latest"])
def test_speakers(wanted: str) -> None:
    best = rendered(wanted)["results"]["channels"][0]["alternatives"][0]
    assert [word["speaker"] for word in best["words"]] == [0, 0, 0, 0, 0, 1, 1]


def test_sounds_are_told_beside_the_text_where_they_are_wanted() -> None:
    results = rendered("tag_audio_events=true&utterances=true")["results"]
    assert results.pop("audio_events") == [{"start": 2.0, "end": 2.5, "content": "[Silence]", "channel": 0}]
    without = rendered("utterances=true")["results"]
    assert [one["transcript"] for one in results["utterances"]] == [one["transcript"] for one in without["utterances"]]
    assert results["channels"] == without["channels"]


def test_utterances_are_the_segments_of_speech() -> None:
    utterances = rendered("utterances=true&diarize=true")["results"]["utterances"]
    assert [(one["start"], one["end"], one["transcript"], one["speaker"]) for one in utterances] == [
        (0.0, 2.0, "Good morning. How are you?", 0),
        (2.5, 3.0, "Fine,", 1),
        (3.0, 4.0, "thanks!", 1),
    ]
    assert len({one["id"] for one in utterances}) == 3
    assert all(one["channel"] == 0 for one in utterances)
    assert [word["punctuated_word"] for word in utterances[1]["words"]] == ["Fine,"]


@pytest.mark.parametrize("wanted", ["paragraphs=true", "smart_format=true"])
def test_paragraphs(wanted: str) -> None:
    paragraphs = rendered(f"{wanted}&diarize=true")["results"]["channels"][0]["alternatives"][0]["paragraphs"]
    said = "Speaker 0: Good morning. How are you?\n\nSpeaker 1: Fine,\n\nthanks!"
    assert paragraphs["transcript"] == said
    first, second, _ = paragraphs["paragraphs"]
    assert [sentence["text"] for sentence in first["sentences"]] == ["Good morning.", "How are you?"]
    assert first["sentences"][0]["start"] == 0.0
    assert first["sentences"][0]["end"] == first["sentences"][1]["start"]
    assert first["sentences"][1]["end"] == first["end"] == 2.0
    assert (first["num_words"], first["speaker"], second["speaker"]) == (5, 0, 1)
    plain = rendered(wanted)["results"]["channels"][0]["alternatives"][0]["paragraphs"]
    assert plain["transcript"] == "Good morning. How are you?\n\nFine,\n\nthanks!"


def test_notes_are_warnings() -> None:
    assert rendered("", notes=("The file ends early.",))["metadata"]["warnings"] == ["The file ends early."]


def test_a_segment_is_cut_into_words_once_for_all_parts_of_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[str] = []

    def noted(segment: Segment) -> list[Word]:
        cut.append(segment.text)
        return segment_words(segment)

    monkeypatch.setattr(alternatives, "segment_words", noted)
    results = rendered("utterances=true&paragraphs=true&diarize=true")["results"]
    assert cut == [segment.text for segment in SEGMENTS if segment.is_speech]
    best = results["channels"][0]["alternatives"][0]
    assert [word for utterance in results["utterances"] for word in utterance["words"]] == best["words"]
    assert [one["num_words"] for one in best["paragraphs"]["paragraphs"]] == [
        len(utterance["words"]) for utterance in results["utterances"]
    ]


def test_each_channel_for_itself() -> None:
    call = (
        Segment(0, 0.0, 1.0, 0, "Good morning.", -0.1, channel=0),
        Segment(1, 0.5, 0.9, None, "[Silence]", channel=1),
        Segment(2, 1.0, 2.0, 1, "How are you?", -0.2, channel=1),
        Segment(3, 2.0, 3.0, 3, "Who speaks?", -0.3, channel=1),
        Segment(4, 3.0, 4.0, 0, "I do.", -0.1, channel=0),
    )
    query = ListenQuery(multichannel=True, utterances=True, diarize=True, paragraphs=True)
    answer: dict[str, Any] = render(
        Transcript(call, 4.5, channels=3), query, served_model="any", request_id="any", sha256="00", created="now"
    )
    assert answer["metadata"]["channels"] == 3
    left, right, silent = (channel["alternatives"][0] for channel in answer["results"]["channels"])
    assert (left["transcript"], right["transcript"]) == ("Good morning. I do.", "How are you? Who speaks?")
    assert (silent["transcript"], silent["words"], silent["confidence"]) == ("", [], 0.0)
    assert [word["speaker"] for word in left["words"]] == [0] * 4
    assert [word["speaker"] for word in right["words"]] == [0, 0, 0, 1, 1]
    assert right["paragraphs"]["transcript"] == "Speaker 0: How are you?\n\nSpeaker 1: Who speaks?"
    utterances = answer["results"]["utterances"]
    assert [(one["channel"], one["speaker"], one["start"], one["transcript"]) for one in utterances] == [
        (0, 0, 0.0, "Good morning."),
        (1, 0, 1.0, "How are you?"),
        (1, 1, 2.0, "Who speaks?"),
        (0, 0, 3.0, "I do."),
    ]
    assert [word["punctuated_word"] for word in utterances[-1]["words"]] == ["I", "do."]
