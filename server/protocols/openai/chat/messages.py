"""The messages of a chat: who says what, and where the recording is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from server.protocols.openai.errors import InvalidParameter

MESSAGES = "messages"
MAX_MESSAGES = 256
_ONE_RECORDING = "The first user message must hold the one recording of the conversation, as input_audio or audio_url."


class TextPart(BaseModel):
    """Words."""

    type: Literal["text"]
    text: str


class AudioPart(BaseModel):
    """A recording, in the shape of OpenAI (``input_audio.data``) or of vLLM (``audio_url.url``, or ``audio_url``).

    Attributes:
        recording: what stands for it in the body.
    """

    model_config = ConfigDict(extra="ignore")

    type: Literal["input_audio", "audio_url"]
    recording: JsonValue

    @model_validator(mode="before")
    @classmethod
    def _found(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("type") not in ("input_audio", "audio_url"):
            return value
        held = value.get(value["type"])
        if isinstance(held, dict):
            held = held.get("data" if value["type"] == "input_audio" else "url")
        return {"type": value["type"], "recording": held}


_Part = Annotated[TextPart | AudioPart, Field(discriminator="type")]


def _parts(value: Any) -> Any:
    if value is None:
        return ()
    return [{"type": "text", "text": value}] if isinstance(value, str) else value


class Message(BaseModel):
    """Something that somebody says."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[tuple[_Part, ...], BeforeValidator(_parts)] = ()

    @property
    def words(self) -> str:
        """All its text, a part in a line."""
        return "\n".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def recordings(self) -> list[JsonValue]:
        """What stands for those that it holds."""
        return [part.recording for part in self.content if isinstance(part, AudioPart)]


def recording_in(messages: Sequence[Message]) -> JsonValue:
    """What stands for the conversation's recording. Raises InvalidParameter where it is not in its place."""
    turns = [message for message in messages if message.role in ("user", "assistant")]
    first = [message for message in turns[:1] if message.role == "user"]
    recordings = [recording for message in messages for recording in message.recordings]
    if len(recordings) != 1 or not first or first[0].recordings != recordings:
        raise InvalidParameter(MESSAGES, _ONE_RECORDING)
    return recordings[0]


def turns_of(messages: Sequence[Message]) -> tuple[tuple[str, ...], str]:
    """What user and assistant said by turns, and how the assistant's answer begins.

    Messages of one after the other are one turn. What an assistant says last is the beginning of the answer. What
    stands in place of the template's system text is no turn.
    """
    told = [(message.role, message.words) for message in messages if message.role in ("user", "assistant")]
    turns = ["\n".join(words for _, words in turn) for _, turn in groupby(told, key=lambda each: each[0])]
    if len(turns) % 2:
        return tuple(turns), ""
    return tuple(turns[:-1]), turns[-1]


def system_of(messages: Sequence[Message]) -> str:
    """What stands in place of the template's system text: the words of all system messages; none leaves that."""
    told = (message.words for message in messages if message.role in ("system", "developer"))
    return "\n".join(words for words in told if words)
