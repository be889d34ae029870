"""The parameters of a transcription: what OpenAI's clients send."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from server.protocols.openai.errors import InvalidParameter
from server.protocols.openai.recording_request import Lowered, RecordingParameters
from server.protocols.openai.request_values import Flag, Words, lowered, object_in


class ResponseFormat(StrEnum):
    """How the answer is written."""

    JSON = "json"
    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    VERBOSE_JSON = "verbose_json"
    DIARIZED_JSON = "diarized_json"


STREAMED_FORMATS = frozenset({ResponseFormat.JSON, ResponseFormat.TEXT, ResponseFormat.DIARIZED_JSON})
"""Formats that OpenAI's events can carry. With the others ``stream`` is ignored, as OpenAI ignores it for whisper-1:
gateways set format and streaming independently of each other, and the whole answer is what they can use."""


class ServerVad(BaseModel):
    """OpenAI's voice activity settings; checked, then ignored: the model hears the recording whole."""

    type: Literal["server_vad"]
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None
    threshold: float | None = Field(None, ge=0, le=1)


_Granularities = Annotated[tuple[Annotated[Literal["word", "segment"], Lowered], ...], Words]
_Includes = Annotated[tuple[Annotated[Literal["logprobs"], Lowered], ...], Words]


def _strategy(value: Any) -> Any:
    return lowered(object_in(value)) or None


class TranscriptionParameters(RecordingParameters):
    """Form fields beside the file."""

    response_format: Annotated[ResponseFormat, Lowered] = Field(
        ResponseFormat.JSON, description="How the answer is written."
    )
    stream: Flag = Field(
        False,
        description="Answer with server-sent events while the text comes; with json, text and diarized_json. "
        "With the other formats the answer comes whole.",
    )
    timestamp_granularities: _Granularities = Field(
        (), description="With verbose_json: segments (default), words, or both. Word times are estimated."
    )
    include: _Includes = Field((), description="With json: logprobs of the text's tokens.")
    chunking_strategy: Annotated[Literal["auto"] | ServerVad | None, BeforeValidator(_strategy)] = Field(
        None, description="Accepted and ignored: the model hears the recording whole."
    )
    max_completion_tokens: int | None = Field(
        None, ge=1, description="Ends the answer after so many tokens; those of times and speakers count too."
    )

    @property
    def streamed(self) -> bool:
        """Whether the answer is a stream of events."""
        return self.stream and self.response_format in STREAMED_FORMATS

    def check(self) -> None:
        """See RecordingParameters."""
        super().check()
        answer = self.response_format
        # Segments come with verbose_json anyway, and no other format has room for them: to ask for them does no harm,
        # and clients do it whatever the format. Words alone are what somebody wants to have.
        if set(self.timestamp_granularities) == {"word"} and answer is not ResponseFormat.VERBOSE_JSON:
            raise InvalidParameter(
                "timestamp_granularities", "timestamp_granularities[]=word needs response_format=verbose_json."
            )
        if self.include and answer is not ResponseFormat.JSON:
            raise InvalidParameter("include", "include[]=logprobs needs response_format=json.")
