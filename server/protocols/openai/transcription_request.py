"""The parameters of a transcription: what OpenAI's clients send, from form fields or JSON, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from server.protocols.openai.errors import InvalidParameter
from server.protocols.openai.languages import Language, LanguageTag, without_any
from server.protocols.openai.request_values import (
    Flag,
    Names,
    Phrases,
    Words,
    lowered,
    object_in,
    values_of_form,
    values_of_json,
)

MAX_KNOWN_SPEAKERS = 4


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


_Lowered = BeforeValidator(lowered)
_Granularities = Annotated[tuple[Annotated[Literal["word", "segment"], _Lowered], ...], Words]
_Includes = Annotated[tuple[Annotated[Literal["logprobs"], _Lowered], ...], Words]
_Languages = Annotated[tuple[LanguageTag, ...], BeforeValidator(without_any), Words]


def _strategy(value: Any) -> Any:
    return lowered(object_in(value)) or None


class TranscriptionParameters(BaseModel):
    """Form fields beside the file. Unknown ones are ignored, as OpenAI's own future fields must be."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True, str_strip_whitespace=True)

    model: str | None = Field(None, description="The served model's name; OpenAI's model names mean it too.")
    response_format: Annotated[ResponseFormat, _Lowered] = Field(
        ResponseFormat.JSON, description="How the answer is written."
    )
    stream: Flag = Field(
        False,
        description="Answer with server-sent events while the text comes; with json, text and diarized_json. "
        "With the other formats the answer comes whole.",
    )
    prompt: str | None = Field(None, description="Background or vocabulary that helps the model with names and terms.")
    keywords: Phrases = Field((), description="Words and phrases to expect.")
    hotwords: Phrases = Field((), description="The same as keywords, under the name the model's users know.")
    language: Language = Field(
        None, description="Returned in verbose_json. The model finds out the language by itself and takes no hint."
    )
    languages: _Languages = Field((), description="Accepted and ignored: the model finds out the language by itself.")
    temperature: float = Field(
        0.0, ge=0, le=1, allow_inf_nan=False, description="0 takes the likeliest words; above, words are sampled."
    )
    timestamp_granularities: _Granularities = Field(
        (), description="With verbose_json: segments (default), words, or both. Word times are estimated."
    )
    include: _Includes = Field((), description="With json: logprobs of the text's tokens.")
    channels: Annotated[Literal["mix", "split"], _Lowered] = Field(
        "mix", description="split: each channel is transcribed for itself, and told as channel of segments and words."
    )
    chunking_strategy: Annotated[Literal["auto"] | ServerVad | None, BeforeValidator(_strategy)] = Field(
        None, description="Accepted and ignored: the model hears the recording whole."
    )
    known_speaker_names: Annotated[Names, Field(max_length=MAX_KNOWN_SPEAKERS)] = Field(
        (), description="Names to use for the speakers of the references, in the same order."
    )
    known_speaker_references: Annotated[Names, Field(max_length=MAX_KNOWN_SPEAKERS)] = Field(
        (), description="A recording of 2 to 10 seconds of each known speaker, as data: URLs."
    )
    max_completion_tokens: int | None = Field(
        None, ge=1, description="Ends the answer after so many tokens; those of times and speakers count too."
    )

    @property
    def streamed(self) -> bool:
        """Whether the answer is a stream of events."""
        return self.stream and self.response_format in STREAMED_FORMATS


_LISTS = frozenset(
    {
        "keywords",
        "hotwords",
        "languages",
        "timestamp_granularities",
        "include",
        "known_speaker_names",
        "known_speaker_references",
    }
)
_TEXTS = frozenset({"prompt", "keywords", "hotwords", "known_speaker_names", "known_speaker_references"})


def parameters_from_form(fields: Iterable[tuple[str, str]]) -> TranscriptionParameters:
    """Parameters from form fields in any order, see `values_of_form`. Raises InvalidParameter."""
    return _checked_parameters(values_of_form(fields, lists=_LISTS, texts=_TEXTS))


def parameters_from_json(values: Mapping[str, JsonValue]) -> TranscriptionParameters:
    """Parameters from a JSON object, where null is the same as absent. Raises InvalidParameter."""
    return _checked_parameters(values_of_json(values))


def _checked_parameters(values: dict[str, Any]) -> TranscriptionParameters:
    parameters = checked(TranscriptionParameters, values)
    _check_combinations(parameters)
    return parameters


Model = TypeVar("Model", bound=BaseModel)


def checked(model: type[Model], values: dict[str, Any]) -> Model:
    """The values as ``model``. Raises InvalidParameter for the first that does not fit."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _named(error) from None


def _named(error: ValidationError) -> InvalidParameter:
    """The first complaint, without the value that caused it."""
    first = error.errors(include_input=False, include_url=False)[0]
    param = str(first["loc"][0])
    return InvalidParameter(param, f"{param}: {first['msg'].removeprefix('Value error, ')}.")


def _check_combinations(parameters: TranscriptionParameters) -> None:
    """Raise InvalidParameter for values that are fine alone and make no sense together."""
    answer = parameters.response_format
    # Segments come with verbose_json anyway, and no other format has room for them: to ask for them does no harm, and
    # clients do it whatever the format. Words alone are what somebody wants to have.
    if set(parameters.timestamp_granularities) == {"word"} and answer is not ResponseFormat.VERBOSE_JSON:
        raise InvalidParameter(
            "timestamp_granularities", "timestamp_granularities[]=word needs response_format=verbose_json."
        )
    if parameters.include and answer is not ResponseFormat.JSON:
        raise InvalidParameter("include", "include[]=logprobs needs response_format=json.")
    names, references = parameters.known_speaker_names, parameters.known_speaker_references
    if len(names) != len(references):
        raise InvalidParameter(
            "known_speaker_references",
            f"{len(names)} known_speaker_names need as many known_speaker_references, not {len(references)}.",
        )
    if len(set(names)) != len(names):
        raise InvalidParameter("known_speaker_names", "known_speaker_names must be different from each other.")
