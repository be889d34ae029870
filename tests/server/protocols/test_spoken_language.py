"""Where the language that was spoken is told: in each protocol's own field, and nowhere when it is not certain."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.audio import Transcription, TranscriptionTextDoneEvent

from server.live.vocabulary.events import Flushed, SpeechStopped
from server.protocols.deepgram.prerecorded import render
from server.protocols.deepgram.query import ListenQuery
from server.protocols.openai.events import OpenAIEvents
from server.transcript.formats import render_json, render_verbose_json
from server.transcript.segments import Segment, Transcript
from tests.server.protocols.deepgram import conversation as deepgram
from tests.server.protocols.realtime import conversation as realtime
from tests.support.spoken_texts import SAID

GERMAN = Transcript(
    tuple(Segment(place, place, place + 1.0, place, said) for place, said in enumerate(SAID["de"])), 2.0
)
BRIEF = Transcript((Segment(0, 0.0, 1.0, 0, "Ja, ja."), Segment(1, 1.0, 2.0, None, "[Music]")), 2.0)


def test_openai_json() -> None:
    read = Transcription.model_validate(render_json(GERMAN), strict=True)
    assert read.languages is not None
    assert [language.code for language in read.languages] == ["de"]
    assert "languages" not in render_json(BRIEF)


@pytest.mark.parametrize(
    ("transcript", "asked", "told"),
    [(GERMAN, None, "german"), (BRIEF, None, "unknown"), (GERMAN, "de-CH", "de-CH"), (BRIEF, "de", "de")],
)
def test_openai_verbose_json(transcript: Transcript, asked: str | None, told: str) -> None:
    answer = render_verbose_json(transcript, temperature=0.0, language=asked)
    assert answer["language"] == told
    assert answer.get("languages") == ([{"code": "de"}] if transcript is GERMAN else None)


def test_openai_stream() -> None:
    events = OpenAIEvents(diarized=False, logprobs=False, speaker_names={})
    read = TranscriptionTextDoneEvent.model_validate(events.done(GERMAN), strict=True)
    assert read.languages is not None
    assert [language.code for language in read.languages] == ["de"]
    assert "languages" not in events.done(BRIEF)


def test_openai_realtime() -> None:
    """Each item by itself: people take turns in different languages."""
    session = realtime.Conversation()
    told = []
    for turn, said in enumerate([SAID["de"][0], "Ja, ja.", SAID["fr"][0]]):
        session.appends()
        session.hears(SpeechStopped(turn + 1.0, realtime.turn(turn)), realtime.words(said, segment=turn))
        completed = realtime.sent(session.hears(Flushed(turn + 1.0, realtime.turn(turn))), "completed")
        told.append(completed.get("languages"))
    assert told == [[{"code": "de"}], None, [{"code": "fr"}]]


def channel(transcript: Transcript, **query: str) -> dict[str, Any]:
    answer = render(
        transcript,
        ListenQuery.parse(query.items()),
        served_model="vibevoice-asr",
        request_id="req_1",
        sha256="00",
        created="2026-01-02T03:04:05.678Z",
    )
    read: dict[str, Any] = json.loads(json.dumps(answer))["results"]["channels"][0]
    return read


@pytest.mark.parametrize("wanted", ["true", "True", "de"])
def test_deepgram_file_detect_language(wanted: str) -> None:
    found = channel(GERMAN, detect_language=wanted)
    assert found["detected_language"] == "de"
    assert 0.9 < found["language_confidence"] <= 1
    assert channel(BRIEF, detect_language=wanted).keys() == {"alternatives"}


@pytest.mark.parametrize("query", [{}, {"detect_language": "false"}, {"language": "de"}])
def test_deepgram_tells_no_language_that_was_not_asked_for(query: dict[str, str]) -> None:
    assert channel(GERMAN, **query).keys() == {"alternatives"}
    assert channel(GERMAN, **query)["alternatives"][0].keys() == {"transcript", "confidence", "words"}


def test_deepgram_file_multi() -> None:
    assert channel(GERMAN, language="multi")["alternatives"][0]["languages"] == ["de"]
    assert "languages" not in channel(BRIEF, language="multi")["alternatives"][0]


@pytest.mark.parametrize(("language", "told"), [("multi", ["de"]), ("de", None)])
def test_deepgram_live(language: str, told: list[str] | None) -> None:
    session = deepgram.Conversation(f"language={language}&interim_results=true")
    said = deepgram.segment(0, 0.0, 2.0, SAID["de"][0])
    interim = [*session.suppose(said), *session.audio(2.0)]
    assert [deepgram.best(result).get("languages") for result in interim] == [told]
    (final,) = session.close(said)
    assert deepgram.best(final).get("languages") == told


def test_deepgram_live_where_it_is_not_certain() -> None:
    session = deepgram.Conversation("language=multi")
    (final,) = session.close(deepgram.segment(0, 0.0, 1.0, "Ja, ja."))
    assert "languages" not in deepgram.best(final)
