"""What a live client may say, and everything a session answers beside ``Results``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter
from pydantic_core import from_json

from server.live.vocabulary.events import Channel
from server.live.vocabulary.protocol import SessionEnd
from server.live.vocabulary.resumption import REFUSALS, Offer, Refusal
from server.protocols.deepgram.alternatives import JsonObject, ModelIdentity, seconds


class KeepAlive(BaseModel):
    """The client is there, though it has no audio now."""

    type: Literal["KeepAlive"]


class Finalize(BaseModel):
    """Make everything heard so far final."""

    type: Literal["Finalize"]


class CloseStream(BaseModel):
    """No more audio comes."""

    type: Literal["CloseStream"]


class Configure(BaseModel):
    """Other key terms from now on; None leaves them as they are. Other features are not switched."""

    type: Literal["Configure"]
    keyterms: list[str] | None = None


class Resumption(BaseModel):
    """As ``Resumption`` brought them, the last of each."""

    token: str
    voices: str | None = None


class ResumeSession(BaseModel):
    """Go on with the session that these were made for. ``audio_start``: where in it the audio begins that comes."""

    type: Literal["Resume"]
    resumption: Resumption
    audio_start: float | None = Field(None, ge=0, allow_inf_nan=False)


ClientMessage = KeepAlive | Finalize | CloseStream | Configure | ResumeSession
_RESUME = TypeAdapter(ResumeSession)
_MESSAGES: TypeAdapter[ClientMessage] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="type")])

_CLOSES = {
    SessionEnd.ENGINE_FAILED: (1011, "the model failed"),
    SessionEnd.SHUTTING_DOWN: (1012, "the server is shutting down"),
    SessionEnd.IDLE: (1011, "NET-0001: neither audio nor a message came for too long"),
    SessionEnd.TOO_LONG: (1008, "the longest session was reached"),
    SessionEnd.TOO_SLOW: (1008, "the client does not read what it is sent"),
    SessionEnd.LIMIT_REACHED: (1008, "the key has no more audio left for now"),
    SessionEnd.BAD_AUDIO: (1008, "DATA-0000: the payload cannot be decoded as audio"),
}
"""Code and reason, with Deepgram's own codes where it has any."""


def read_message(text: str) -> ClientMessage | None:
    """A client's text frame; None where it is none of the messages above."""
    try:
        return _MESSAGES.validate_python(from_json(text))
    except ValueError:
        return None


def read_resume(fields: object) -> ResumeSession | None:
    """A message of this type; None where it lacks something."""
    try:
        return _RESUME.validate_python(fields)
    except ValueError:
        return None


def close_of(why: SessionEnd) -> tuple[int, str]:
    """Code and reason of the closing frame."""
    return _CLOSES[why]


def unreadable() -> JsonObject:
    """The answer to a text frame that cannot be understood."""
    return {
        "type": "Error",
        "variant": "SchemaError",
        "description": "A text message must be JSON with the type KeepAlive, Finalize, CloseStream or Configure.",
    }


def ended(why: SessionEnd, message: str) -> JsonObject:
    """Why the server ends the session."""
    return {"type": "Error", "variant": why.value, "description": message}


def resumed(request_id: str, audio_start: float) -> JsonObject:
    """The answer to `Resume`: the session goes on, and its audio is awaited from there on."""
    return {"type": "Resumed", "request_id": request_id, "audio_start": seconds(audio_start)}


def not_resumed(why: Refusal) -> JsonObject:
    """The answer to a `Resume` that cannot be granted; the session is a new one."""
    return {"type": "Error", "variant": why.value, "description": REFUSALS[why]}


def resumption(offer: Offer, *, leaving: bool) -> JsonObject:
    """With what the client can go on elsewhere; has to, where the server is leaving."""
    closing: JsonObject = {"closing": SessionEnd.SHUTTING_DOWN.value} if leaving else {}
    return {"type": "Resumption", **offer.fields, **closing}


def configured(request_id: str, keyterms: list[str] | None) -> JsonObject:
    """The answer to `Configure`."""
    answer: JsonObject = {"type": "ConfigureSuccess", "request_id": request_id}
    return answer if keyterms is None else answer | {"keyterms": keyterms}


def too_many_terms(request_id: str, limit: str) -> JsonObject:
    """The answer to a `Configure` whose terms are too long; ``limit`` as `ContextTooLong` has it."""
    return {
        "type": "ConfigureFailure",
        "request_id": request_id,
        "code": "CONFIGURE_KEYTERM_LIMIT_EXCEEDED",
        "description": f"The key terms together {limit}.",
    }


def speech_started(at: float, channel: Channel) -> JsonObject:
    """Somebody began to speak at ``at`` seconds."""
    return {"type": "SpeechStarted", "channel": channel, "timestamp": seconds(at)}


def audio_event(start: float, end: float, text: str) -> JsonObject:
    """Something was heard that nobody said, as the model calls it. Times in seconds. Deepgram has no such message."""
    return {"type": "AudioEvent", "start": seconds(start), "end": seconds(end), "content": text}


def utterance_end(last_word_end: float, channel: Channel) -> JsonObject:
    """Nothing was said for long after ``last_word_end`` seconds."""
    return {"type": "UtteranceEnd", "channel": channel, "last_word_end": seconds(last_word_end)}


def metadata(
    model: ModelIdentity, *, request_id: str, sha256: str, created: str, duration: float, channels: int = 1
) -> JsonObject:
    """The summary of a session or a file: ``sha256`` of the audio as it came, ``duration`` in seconds.

    ``channels``: that were transcribed for themselves; 1 where they were mixed.
    """
    return {
        "transaction_key": "deprecated",
        "request_id": request_id,
        "sha256": sha256,
        "created": created,
        "duration": seconds(duration),
        "channels": channels,
        "models": [model.uuid],
        "model_info": {model.uuid: model.info},
    }
