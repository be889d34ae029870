"""A client and a live session talking through one RealtimeSession; OpenAI's types judge every server event."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from openai import BaseModel
from openai.types.beta.realtime import TranscriptionSessionUpdatedEvent
from openai.types.realtime import RealtimeServerEvent
from pydantic import Field, TypeAdapter

from server.live.vocabulary.actions import Action, Close, Send
from server.live.vocabulary.events import LiveEvent, SegmentCommitted, WordsCommitted
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.protocol import SessionEnd
from server.protocols.openai.realtime.schemas import SessionFields
from server.protocols.openai.realtime.session import RealtimeSession
from server.transcript.logprobs import token_logprob
from server.transcript.segments import Segment
from server.transcript.words import Word

SERVER_EVENT: TypeAdapter[BaseModel] = TypeAdapter(Annotated[RealtimeServerEvent, Field(discriminator="type")])
SECOND = bytes(48_000)
"""A second of audio in the default format."""
TRANSCRIPTION = "conversation.item.input_audio_transcription"
EXTRA = {"id", "object"}
"""Fields of a session that OpenAI sends, though the request types that stand in the union lack them."""
FLAT = {
    "modalities",
    "input_audio_format",
    "input_audio_transcription",
    "input_audio_noise_reduction",
    "turn_detection",
}
"""Fields that a session had in the beta: beside today's where the client writes them."""


class Conversation:
    """What the session answers, act by act. ``events`` are all events that were sent."""

    def __init__(self, *, model: str | None = None, start: Mapping[str, Any] | None = None, flat: bool = False) -> None:
        self.events: list[dict[str, Any]] = []
        self._made: Counter[str] = Counter()
        begin = SessionFields.model_validate(start or {})
        self.session = RealtimeSession(
            model=model, served_model="vibevoice-asr", make_id=self._make_id, start=begin, flat=flat
        )
        self.opening = self._checked(self.session.opened())

    def says(self, kind: str, **fields: Any) -> list[Action]:
        """The client sends an event."""
        return self.sends(json.dumps({"type": kind, **fields}))

    def sends(self, message: str | bytes) -> list[Action]:
        """The client sends a frame."""
        return self._checked(self.session.received(self.session.read(message)))

    def appends(self, audio: bytes = SECOND) -> list[Action]:
        return self.says("input_audio_buffer.append", audio=b64encode(audio).decode())

    def configures(self, **audio_input: Any) -> list[Action]:
        return self.says("session.update", session={"type": "transcription", "audio": {"input": audio_input}})

    def hears(self, *events: LiveEvent) -> list[Action]:
        """The live session says something."""
        return [action for event in events for action in self._checked(self.session.heard(event))]

    def ends(self, why: SessionEnd, message: str = "It is over.") -> list[Action]:
        return self._checked(self.session.ended(why, message))

    def _make_id(self, kind: str) -> str:
        self._made[kind] += 1
        return f"{kind}_{self._made[kind]}"

    def _checked(self, actions: Sequence[Action]) -> list[Action]:
        sent = [action.event for action in actions if isinstance(action, Send)]
        for event in sent:
            check_server_event(event)
        self.events += map(dict, sent)
        assert len({event["event_id"] for event in self.events}) == len(self.events)
        assert not any(isinstance(action, Close) for action in actions[:-1])
        return list(actions)


def check_server_event(event: Mapping[str, Any]) -> None:
    """Fail unless OpenAI's client reads the event, whole, as one of its types, and its schema has every null of it."""
    copied = json.loads(json.dumps(event, allow_nan=False))
    assert set(_nulls(copied)) <= {"previous_item_id", "turn_detection", "param", "event_id"}
    if copied["type"] == "transcription_session.updated":
        copied["session"]["input_audio_transcription"]["model"] = "whisper-1"  # one of three that the type has
        TranscriptionSessionUpdatedEvent.model_validate(copied)
        return
    sound = copied.get("session", {}).get("audio", {}).get("input", {}).get("format", {})
    if "rate" in sound:
        sound["rate"] = 24_000  # the only one that OpenAI has
    if FLAT & set(copied.get("session", {})):
        assert FLAT - {"input_audio_noise_reduction"} <= set(copied["session"])
        copied["session"] = {name: value for name, value in copied["session"].items() if name not in FLAT}
    unknown = set(_extra(SERVER_EVENT.validate_python(copied))) - EXTRA
    assert not unknown, f"{event['type']} has fields of no type: {unknown}"


def _nulls(value: object) -> Iterable[str]:
    """Names of fields that are null."""
    if isinstance(value, dict):
        yield from (name for name, inner in value.items() if inner is None)
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            yield from _nulls(entry)


def _extra(value: object) -> Iterable[str]:
    if isinstance(value, BaseModel):
        yield from value.model_extra or ()
        for name in type(value).model_fields:
            yield from _extra(getattr(value, name))
    elif isinstance(value, list):
        for entry in value:
            yield from _extra(entry)


def told(actions: Iterable[Action]) -> list[str | Action]:
    """Actions with server events as their short types."""
    return [
        action.event["type"].removeprefix(f"{TRANSCRIPTION}.").removeprefix("input_audio_buffer.")
        if isinstance(action, Send)
        else action
        for action in actions
    ]


def sent(actions: Sequence[Action], kind: str) -> Mapping[str, Any]:
    """The one event of this short type."""
    [event] = [
        action.event
        for action, name in zip(actions, told(actions), strict=True)
        if isinstance(action, Send) and name == kind
    ]
    return event


def error_of(actions: Sequence[Action]) -> dict[str, Any]:
    """The error that is the whole answer."""
    assert told(actions) == ["error"]
    error: dict[str, Any] = sent(actions, "error")["error"]
    return error


def turn(number: int) -> FlushId:
    """The flush at the end of the session's turn of this number, from 0."""
    return FlushId(Asker.TURNS, number)


def asked(number: int) -> FlushId:
    """The flush of the client's commit of this number, from 0."""
    return FlushId(Asker.PROTOCOL, number)


LAST = FlushId(Asker.SERVER, 0)
"""The flush of a server that ends the session."""


def words(text: str, *, segment: int = 0, speaker: int | None = 0, start: float = 0.0) -> WordsCommitted:
    """Words of a segment, a tenth of a second each, and each a token behind a space."""
    spoken = tuple(
        Word(word, start + place / 10, start + (place + 1) / 10, speaker) for place, word in enumerate(text.split())
    )
    tokens = tuple(token_logprob(f" {word}".encode(), -place / 8) for place, word in enumerate(text.split()))
    return WordsCommitted(segment, speaker, spoken, text, logprobs=tokens)


def closed(text: str, start: float, end: float, *, segment: int = 0, speaker: int | None = 0) -> SegmentCommitted:
    return SegmentCommitted(Segment(segment, start, end, speaker, text))
