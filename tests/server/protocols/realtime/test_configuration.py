"""What clients may set, what it makes the session do, and how it is echoed."""

from __future__ import annotations

from typing import Any

import pytest

from server.audio_in.encodings import PcmEncoding
from server.live.vocabulary.actions import Action, Send, SetContext, SetFormat, SetLogprobs, SetTurns
from server.live.vocabulary.events import Flushed
from server.live.vocabulary.turn_detection import TurnDetection
from tests.server.protocols.realtime.conversation import Conversation, asked, error_of, sent, told

SERVER_VAD = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500}


@pytest.fixture
def client() -> Conversation:
    return Conversation()


def audio_input(actions: list[Action], kind: str = "session.updated") -> dict[str, Any]:
    found: dict[str, Any] = sent(actions, kind)["session"]["audio"]["input"]
    return found


def test_a_session_begins_with_openais_defaults(client: Conversation) -> None:
    created, *rest = client.opening
    assert rest == [SetFormat(PcmEncoding.LINEAR16, 24_000), SetTurns(TurnDetection(0.5, 0.3, 0.5))]
    assert isinstance(created, Send)
    assert created.event == {
        "type": "session.created",
        "event_id": "event_1",
        "session": {
            "id": "sess_1",
            "object": "realtime.transcription_session",
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24_000},
                    "transcription": {"model": "vibevoice-asr"},
                    "turn_detection": SERVER_VAD,
                }
            },
        },
    }


def test_an_update_that_names_nothing_changes_nothing(client: Conversation) -> None:
    actions = client.says("session.update", session={})
    assert told(actions) == ["session.updated"]
    assert sent(actions, "session.updated")["session"] == client.events[0]["session"]


def test_absent_keeps_and_null_clears(client: Conversation) -> None:
    client.configures(
        transcription={"model": "gpt-4o-transcribe", "prompt": "Chess.", "keywords": ["Zugzwang"], "language": "en"},
        turn_detection={"type": "server_vad", "threshold": 0.8, "silence_duration_ms": 200},
        noise_reduction={"type": "near_field", "strength": 0.5},
    )
    partial = client.configures(transcription={"keywords": None}, turn_detection={"threshold": None})
    assert told(partial) == [SetTurns(TurnDetection(0.5, 0.3, 0.2)), SetContext("Chess."), "session.updated"]
    now = audio_input(partial)
    assert now["transcription"] == {"model": "gpt-4o-transcribe", "prompt": "Chess.", "language": "en"}
    assert now["turn_detection"] == SERVER_VAD | {"silence_duration_ms": 200}
    assert now["noise_reduction"] == {"type": "near_field", "strength": 0.5}

    cleared = client.configures(transcription=None, turn_detection=None, noise_reduction=None, format=None)
    assert told(cleared) == [SetTurns(None), SetContext(None), "session.updated"]
    assert audio_input(cleared) == {
        "format": {"type": "audio/pcm", "rate": 24_000},
        "transcription": {"model": "vibevoice-asr"},
        "turn_detection": None,
    }


def test_another_kind_of_turn_detection_begins_with_its_defaults(client: Conversation) -> None:
    client.configures(turn_detection={"type": "server_vad", "threshold": 0.9})
    client.configures(turn_detection={"type": "semantic_vad"})
    assert audio_input(client.configures(turn_detection={"type": "server_vad"}))["turn_detection"] == SERVER_VAD


@pytest.mark.parametrize("model", ["gpt-realtime-whisper", "gpt-live-transcribe-2026-09-01"])
def test_names_of_models_that_find_no_turns_mean_none_where_nothing_else_was_said(
    client: Conversation, model: str
) -> None:
    named = client.configures(transcription={"model": model})
    assert told(named) == [SetTurns(None), "session.updated"]
    assert audio_input(named)["turn_detection"] is None
    another = client.configures(transcription={"model": "gpt-4o-transcribe"})
    assert audio_input(another)["turn_detection"] == SERVER_VAD
    asked_for = client.configures(transcription={"model": model}, turn_detection={"type": "server_vad"})
    assert told(asked_for) == ["session.updated"]
    assert told(client.configures(transcription={"model": model})) == ["session.updated"]


@pytest.mark.parametrize(
    ("eagerness", "silence"), [(None, 1.0), ("auto", 1.0), ("low", 2.0), ("medium", 1.0), ("high", 0.5)]
)
def test_semantic_vad_is_a_length_of_silence(client: Conversation, eagerness: str | None, silence: float) -> None:
    wanted = {"type": "semantic_vad"} | ({"eagerness": eagerness} if eagerness else {})
    actions = client.configures(turn_detection=wanted)
    assert audio_input(actions)["turn_detection"] == {"type": "semantic_vad", "eagerness": eagerness or "auto"}
    client.configures(turn_detection=None)
    assert SetTurns(TurnDetection(silence=silence)) in client.configures(turn_detection=wanted)


@pytest.mark.parametrize(
    ("given", "expected", "echoed"),
    [
        ({"type": "audio/pcm", "rate": 16_000}, SetFormat(PcmEncoding.LINEAR16, 16_000), None),
        ({"type": "audio/pcm", "rate": 48_000}, SetFormat(PcmEncoding.LINEAR16, 48_000), None),
        ({"type": "audio/pcmu"}, SetFormat(PcmEncoding.MULAW, 8_000), None),
        ({"type": "audio/pcma"}, SetFormat(PcmEncoding.ALAW, 8_000), None),
        ("g711_ulaw", SetFormat(PcmEncoding.MULAW, 8_000), {"type": "audio/pcmu"}),
        ("g711_alaw", SetFormat(PcmEncoding.ALAW, 8_000), {"type": "audio/pcma"}),
    ],
)
def test_formats(client: Conversation, given: object, expected: SetFormat, echoed: object) -> None:
    actions = client.configures(format=given)
    assert told(actions) == [expected, "session.updated"]
    assert audio_input(actions)["format"] == (echoed or given)
    assert told(client.configures(format="pcm16")) == [SetFormat(PcmEncoding.LINEAR16, 24_000), "session.updated"]


def test_the_format_counts_for_the_length_of_audio(client: Conversation) -> None:
    client.configures(format={"type": "audio/pcmu"}, turn_detection=None)
    client.appends(bytes(4_000))
    client.configures(format={"type": "audio/pcm", "rate": 16_000})
    client.appends(bytes(32_000))
    client.says("input_audio_buffer.commit")
    assert sent(client.hears(Flushed(1.5, asked(0))), "completed")["usage"]["seconds"] == 1.5


def test_keywords_and_prompt_are_context(client: Conversation) -> None:
    actions = client.configures(transcription={"keywords": [" Anna ", "", "Ω"], "prompt": "A meeting."})
    assert SetContext("Anna\nΩ\nA meeting.") in actions
    assert told(client.configures(transcription={"prompt": "A meeting.", "language": "de"})) == ["session.updated"]


def test_harmless_fields_are_accepted_and_echoed_where_they_mean_something(client: Conversation) -> None:
    include = ["item.input_audio_transcription.logprobs"]
    actions = client.says(
        "session.update",
        session={
            "type": "transcription",
            "include": [*include, "something.new"],
            "tracing": "auto",
            "audio": {
                "input": {
                    "transcription": {"delay": "low", "languages": ["de", "en"], "diarize": True},
                    "noise_reduction": {"type": "far_field"},
                    "turn_detection": {"type": "server_vad", "create_response": False, "idle_timeout_ms": None},
                    "new": {"deep": [1]},
                },
                "output": {"voice": "alloy"},
            },
        },
    )
    assert told(actions) == [SetLogprobs(True), "session.updated"]
    assert sent(actions, "session.updated")["session"]["include"] == include
    now = audio_input(actions)
    assert now["transcription"] == {"model": "vibevoice-asr", "delay": "low", "languages": ["de", "en"]}
    assert now["noise_reduction"] == {"type": "far_field"}
    assert now["turn_detection"] == SERVER_VAD | {"create_response": False}
    odd = client.configures(transcription={"delay": "none at all"}, noise_reduction={"type": "studio"})
    assert told(odd) == ["session.updated"]
    assert audio_input(odd)["noise_reduction"] == {}


def test_the_clients_model_is_echoed() -> None:
    client = Conversation(model="gpt-4o-transcribe")
    assert audio_input(client.opening, "session.created")["transcription"] == {"model": "gpt-4o-transcribe"}
    assert audio_input(client.configures(transcription={"model": "whisper-1"}))["transcription"]["model"] == "whisper-1"


def test_the_legacy_update_is_answered_in_its_own_shape(client: Conversation) -> None:
    actions = client.says(
        "transcription_session.update",
        session={
            "input_audio_format": "g711_ulaw",
            "input_audio_transcription": {"model": "whisper-1", "prompt": "Chess.", "language": "en"},
            "input_audio_noise_reduction": {"type": "near_field"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 700},
            "include": ["item.input_audio_transcription.logprobs"],
        },
    )
    assert told(actions) == [
        SetFormat(PcmEncoding.MULAW, 8_000),
        SetTurns(TurnDetection(silence=0.7)),
        SetContext("Chess."),
        SetLogprobs(True),
        "transcription_session.updated",
    ]
    assert sent(actions, "transcription_session.updated")["session"] == {
        "id": "sess_1",
        "object": "realtime.transcription_session",
        "modalities": ["text"],
        "input_audio_format": "g711_ulaw",
        "input_audio_transcription": {"model": "whisper-1", "prompt": "Chess.", "language": "en"},
        "input_audio_noise_reduction": {"type": "near_field"},
        "turn_detection": SERVER_VAD | {"silence_duration_ms": 700},
        "include": ["item.input_audio_transcription.logprobs"],
        "client_secret": {"value": "", "expires_at": 0},  # its type cannot do without
    }
    partial = client.says("transcription_session.update", session={"turn_detection": None})
    assert told(partial) == [SetTurns(None), "transcription_session.updated"]
    assert "turn_detection" not in sent(partial, "transcription_session.updated")["session"]


def test_flat_fields_count_in_session_update_too(client: Conversation) -> None:
    actions = client.says("session.update", session={"input_audio_format": "g711_alaw", "turn_detection": None})
    assert told(actions) == [SetFormat(PcmEncoding.ALAW, 8_000), SetTurns(None), "session.updated"]


@pytest.mark.parametrize(
    ("session", "param", "code"),
    [
        ({"type": "translation"}, "session.type", "invalid_value"),
        ({"turn_detection": {"idle_timeout_ms": 999}}, "session.turn_detection.idle_timeout_ms", "invalid_value"),
        ({"turn_detection": {"idle_timeout_ms": 600_001}}, "session.turn_detection.idle_timeout_ms", "invalid_value"),
        ({"audio": {"input": {"format": {"type": "audio/mp3"}}}}, "session.audio.input.format.type", "invalid_value"),
        ({"audio": {"input": {"format": {"rate": 7_999}}}}, "session.audio.input.format.rate", "invalid_value"),
        ({"audio": {"input": {"format": {"rate": 48_001}}}}, "session.audio.input.format.rate", "invalid_value"),
        ({"input_audio_format": "mp3"}, "session.input_audio_format.type", "invalid_value"),
        ({"turn_detection": {"threshold": 1.5}}, "session.turn_detection.threshold", "invalid_value"),
        (
            {"turn_detection": {"silence_duration_ms": -1}},
            "session.turn_detection.silence_duration_ms",
            "invalid_value",
        ),
        ({"turn_detection": {"type": "psychic_vad"}}, "session.turn_detection.type", "invalid_value"),
        ({"turn_detection": {"eagerness": "keen"}}, "session.turn_detection.eagerness", "invalid_value"),
        ({"turn_detection": "server_vad"}, "session.turn_detection", "invalid_type"),
        (
            {"audio": {"input": {"transcription": {"keywords": ["a", 1]}}}},
            "session.audio.input.transcription.keywords.1",
            "invalid_type",
        ),
        (
            {"audio": {"input": {"transcription": {"prompt": "x" * 16_385}}}},
            "session.audio.input.transcription.prompt",
            "context_too_long",
        ),
        ([], "session", "invalid_type"),
    ],
)
def test_invalid_values_are_named_and_change_nothing(
    client: Conversation, session: object, param: str, code: str
) -> None:
    error = error_of(client.says("session.update", event_id="mine", session=session))
    assert error.pop("message").endswith(".")
    assert error == {"type": "invalid_request_error", "code": code, "param": param, "event_id": "mine"}
    actions = client.says("session.update", session={})
    assert sent(actions, "session.updated")["session"] == client.events[0]["session"]


def test_an_invalid_update_is_not_half_applied(client: Conversation) -> None:
    error_of(client.configures(format={"type": "audio/pcmu"}, turn_detection={"threshold": 2}))
    assert audio_input(client.configures())["format"] == {"type": "audio/pcm", "rate": 24_000}


def test_an_update_needs_a_session(client: Conversation) -> None:
    error = error_of(client.says("session.update"))
    assert (error["param"], error["code"]) == ("session", "missing_required_parameter")
