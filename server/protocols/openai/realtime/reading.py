"""Client events, from the frames that they come in: JSON and base64, without a look at the session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic_core import from_json

from server.context import MAX_CONTEXT_CHARACTERS, ContextTooLong
from server.protocols.base64_text import NotBase64, decode_base64
from server.protocols.openai.realtime.errors import EventError
from server.protocols.openai.realtime.schemas import Append, checked

MAX_APPEND_BYTES: Final = 15 * 1024 * 1024
"""Of audio in one ``append``: OpenAI's limit."""

MAX_EVENT_CHARACTERS: Final = 1 << 18
"""Of an event without audio: what may be set is echoed, and no answer is to hold up other sessions."""
MAX_ID_CHARACTERS: Final = 512
"""Of a client's name for its event: OpenAI's limit. One that is longer is not repeated."""
_CONTEXT: Final = frozenset({"prompt", "keywords"})


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """What a client sent.

    Attributes:
        fields: the event's, as JSON has them; that of an ``append`` without its audio.
        id: what the client calls the event.
        audio: that of an ``append``.
        error: why the event cannot be honoured, whatever the session.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    id: str | None = None
    audio: bytes = b""
    error: EventError | None = None


def read_event(frame: str | bytes) -> ClientEvent:
    """A frame as a client event. For 15 MiB of audio it takes a tenth of a second; others get Python's lock between."""
    event_id = None
    try:
        fields = _fields(frame)
        name = fields.get("event_id")
        event_id = name if isinstance(name, str) and len(name) <= MAX_ID_CHARACTERS else None
        if fields.get("type") != "input_audio_buffer.append":
            if len(frame) > MAX_EVENT_CHARACTERS:
                raise _too_long(fields)
            return ClientEvent(fields, event_id)
        audio = _decoded(checked(Append, fields).audio)
        return ClientEvent(fields | {"audio": None}, event_id, audio)
    except EventError as error:
        return ClientEvent(id=event_id, error=error)


def _too_long(fields: dict[str, Any]) -> EventError:
    """For an event without audio. Where it is its prompt that made it so, that is said."""
    if sum(map(len, _context_in(fields))) > MAX_CONTEXT_CHARACTERS:
        return EventError(
            f"prompt and keywords together {ContextTooLong.at_all().limit}.",
            code="context_too_long",
            param="session.audio.input.transcription.prompt",
        )
    return EventError(f"An event without audio may have {MAX_EVENT_CHARACTERS} characters.")


def _context_in(value: object, name: str = "") -> Iterator[str]:
    """Texts of prompts and keywords, wherever in an event they stand."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _context_in(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _context_in(inner, name)
    elif isinstance(value, str) and name in _CONTEXT:
        yield value


def _fields(frame: str | bytes) -> dict[str, Any]:
    """Raises EventError where it is no object, and for every binary frame."""
    if isinstance(frame, bytes):
        raise EventError("Events are JSON in text frames; audio goes into input_audio_buffer.append as base64.")
    try:
        event = from_json(frame, allow_inf_nan=False)
    except ValueError:
        raise EventError("This is not valid JSON.", code="invalid_json") from None
    if not isinstance(event, dict):
        raise EventError("An event is a JSON object.", code="invalid_json")
    return event


def _decoded(encoded: str) -> bytes:
    """Raises EventError."""
    try:
        audio = decode_base64(encoded)
    except NotBase64:
        raise EventError("audio: this is not valid base64.", param="audio") from None
    if len(audio) > MAX_APPEND_BYTES:
        raise EventError(f"audio: one append may bring {MAX_APPEND_BYTES} bytes.", param="audio")
    return audio
