"""One session, in every form that OpenAI's API has had for it, and with everything around it that is not for us."""

from __future__ import annotations

from typing import Any

import pytest

from server.audio_in.encodings import PcmEncoding
from server.live.vocabulary.actions import Action, Send, SetContext, SetFormat, SetTurns
from server.protocols.openai.realtime.errors import EventError
from server.protocols.openai.realtime.schemas import LOGPROBS
from tests.server.protocols.realtime.conversation import FLAT, Conversation, error_of, sent, told

INPUT = {
    "format": {"type": "audio/pcmu"},
    "transcription": {"model": "whisper-1", "language": "en", "prompt": "Chess."},
    "noise_reduction": {"type": "near_field"},
    "turn_detection": None,
}
BETA = {
    "input_audio_format": "g711_ulaw",
    "input_audio_transcription": {"model": "whisper-1", "language": "en", "prompt": "Chess."},
    "input_audio_noise_reduction": {"type": "near_field"},
    "turn_detection": None,
}
ANSWERS = {
    "model": "gpt-realtime",
    "instructions": "Be brief.",
    "output_modalities": ["audio"],
    "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": "auto",
    "truncation": "disabled",
    "prompt": {"id": "pmpt_1"},
    "reasoning": {"effort": "low"},
    "parallel_tool_calls": False,
}
OUTPUT = {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin", "speed": 1.2}
BETA_ANSWERS = {
    "modalities": ["text", "audio"],
    "instructions": "Be brief.",
    "voice": "alloy",
    "output_audio_format": "pcm16",
    "tools": [],
    "tool_choice": "none",
    "temperature": 0.8,
    "max_response_output_tokens": "inf",
    "speed": 1.0,
}
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "transcription": ("session.update", {"type": "transcription", "audio": {"input": INPUT}}),
    "realtime": ("session.update", {"type": "realtime", "audio": {"input": INPUT}}),
    "realtime that answers": (
        "session.update",
        {"type": "realtime", "audio": {"input": INPUT, "output": OUTPUT}, **ANSWERS},
    ),
    "no type": ("session.update", {"audio": {"input": INPUT}}),
    "empty type": ("session.update", {"type": "", "audio": {"input": INPUT}}),
    "no turns by name": (
        "session.update",
        {"type": "realtime", "audio": {"input": INPUT | {"turn_detection": {"type": "none"}}}},
    ),
    "old name of the format": ("session.update", {"audio": {"input": INPUT | {"format": {"type": "g711_ulaw"}}}}),
    "beta": ("session.update", BETA),
    "beta that answers": ("session.update", BETA | BETA_ANSWERS),
    "beta with a type": ("session.update", {"type": "realtime"} | BETA),
    "both": ("session.update", BETA | {"type": "realtime", "audio": {"input": INPUT}}),
    "older": ("transcription_session.update", BETA),
    "older, nested": ("transcription_session.update", {"type": "transcription", "audio": {"input": INPUT}}),
}


@pytest.fixture
def client() -> Conversation:
    return Conversation()


def session_of(actions: list[Action], kind: str = "session.updated") -> dict[str, Any]:
    return dict(sent(actions, kind)["session"])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_configures_the_same(client: Conversation, form: str) -> None:
    kind, session = FORMS[form]
    actions = client.says(kind, session=session)
    assert told(actions) == [
        SetFormat(PcmEncoding.MULAW, 8_000),
        SetTurns(None),
        SetContext("Chess."),
        kind + "d",
    ]
    assert session_of(client.says("session.update", session={}))["audio"]["input"] == INPUT


@pytest.mark.parametrize("form", FORMS)
def test_a_session_may_begin_with_every_form(form: str) -> None:
    client = Conversation(start=FORMS[form][1])
    created, *rest = client.opening
    assert isinstance(created, Send)
    assert created.event["session"]["audio"]["input"] == INPUT
    assert rest == [SetFormat(PcmEncoding.MULAW, 8_000), SetTurns(None), SetContext("Chess.")]


def test_the_answer_is_of_the_kind_that_the_client_asked_for(client: Conversation) -> None:
    """OpenAI's clients read a session by its type."""
    session = session_of(client.says("session.update", session={"type": "realtime", "model": "gpt-realtime"}))
    assert (session["type"], session["object"], session["model"]) == ("realtime", "realtime.session", "gpt-realtime")
    assert session["output_modalities"] == ["text"], "it answers nothing aloud"
    partial = session_of(client.says("session.update", session={"audio": {"input": {"turn_detection": None}}}))
    assert (partial["type"], partial["model"]) == ("realtime", "gpt-realtime")
    back = session_of(client.says("session.update", session={"type": "transcription"}))
    assert (back["type"], back["object"]) == ("transcription", "realtime.transcription_session")
    assert back["audio"]["input"]["transcription"] == {"model": "vibevoice-asr"}, "the other model does not transcribe"
    assert "model" not in back


def test_who_writes_the_betas_form_reads_it_too(client: Conversation) -> None:
    assert not FLAT & set(session_of(client.says("session.update", session={})))
    session = session_of(client.says("session.update", session=BETA | BETA_ANSWERS))
    assert {name: session[name] for name in BETA} == BETA
    assert session["audio"]["input"] == INPUT


def test_who_asks_for_the_beta_reads_it_from_the_start() -> None:
    created = session_of(Conversation(flat=True).opening, "session.created")
    assert created["input_audio_format"] == "pcm16"
    assert created["turn_detection"] == created["audio"]["input"]["turn_detection"]


def test_what_is_empty_is_not_there(client: Conversation) -> None:
    before = client.events[0]["session"]
    empty = {
        "type": "",
        "model": "",
        "include": [],
        "audio": {
            "input": {
                "format": {"type": "", "rate": None},
                "transcription": {"model": "", "language": "", "languages": [], "keywords": [], "prompt": ""},
                "turn_detection": {"type": "", "threshold": "", "eagerness": "", "idle_timeout_ms": ""},
            }
        },
    }
    actions = client.says("session.update", session=empty)
    assert told(actions) == ["session.updated"]
    assert session_of(actions) == before


def test_an_empty_prompt_takes_the_last_one_back(client: Conversation) -> None:
    client.configures(transcription={"prompt": "Chess."})
    assert told(client.configures(transcription={"prompt": ""})) == [SetContext(None), "session.updated"]


@pytest.mark.parametrize("include", [LOGPROBS, [LOGPROBS], [LOGPROBS, "of a later version"]])
def test_include_is_a_list_or_its_one_entry(client: Conversation, include: object) -> None:
    assert session_of(client.says("session.update", session={"include": include}))["include"] == [LOGPROBS]


def test_a_beginning_that_cannot_be_honoured_is_no_session() -> None:
    with pytest.raises(EventError) as caught:
        Conversation(start={"audio": {"input": {"transcription": {"prompt": "x" * 16_385}}}})
    assert caught.value.code == "context_too_long"


def test_one_fault_and_nothing_of_an_update_counts(client: Conversation) -> None:
    faulty = {"type": "realtime", "audio": {"input": INPUT | {"format": {"type": "audio/opus"}}}}
    assert error_of(client.says("session.update", session=faulty))["param"] == "session.audio.input.format.type"
    assert session_of(client.says("session.update", session={})) == client.events[0]["session"]
