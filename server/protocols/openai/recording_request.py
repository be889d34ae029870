"""The parameters that every request with a recording has, read from form fields or JSON, and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from server.protocols.openai.errors import InvalidParameter
from server.protocols.openai.languages import Language, LanguageTag, without_any
from server.protocols.openai.request_values import (
    Names,
    Phrases,
    Words,
    lowered,
    values_of_form,
    values_of_json,
)
from server.protocols.service_tier import ServiceTier

MAX_KNOWN_SPEAKERS = 4

Lowered = BeforeValidator(lowered)
_Languages = Annotated[tuple[LanguageTag, ...], BeforeValidator(without_any), Words]
_Known = Annotated[Names, Field(max_length=MAX_KNOWN_SPEAKERS)]

CONTEXT: Final = frozenset({"prompt", "keywords", "hotwords"})
"""Of these the model's prompt is made."""
_TEXTS = frozenset({"prompt", "instruction", "keywords", "hotwords", "known_speaker_names", "known_speaker_references"})
_RATE: Final = 24_000
"""At which the model's processor counts samples."""
_LONGEST_SEGMENT: Final = 1_000_000
"""Seconds, which no recording lasts: numbers beyond are not worth computing with."""
_CHOICES = frozenset({"chunking_strategy"})


class RecordingParameters(BaseModel):
    """Fields beside the file. Unknown ones are ignored, as OpenAI's own future fields must be."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True, str_strip_whitespace=True)

    model: str | None = Field(None, description="The served model's name; OpenAI's model names mean it too.")
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
    channels: Annotated[Literal["mix", "split"], Lowered] = Field(
        "mix", description="split: each channel is transcribed for itself, and told as channel of segments and words."
    )
    audio_track: int | None = Field(
        None,
        ge=1,
        description="Which of the file's audio tracks is heard, counted from 1. Without it that is the one marked "
        "default, or the next one that can be decoded and is not silent.",
    )
    time_origin: Annotated[Literal["container", "first_sample"], Lowered] = Field(
        "container",
        description="What times count from: the start of the picture or of the file, or the first sample of the sound.",
    )
    streaming_segment_duration: float | None = Field(
        None,
        gt=0,
        le=_LONGEST_SEGMENT,
        description="Seconds of the recording that are encoded at once, at most: a multiple of 3200 samples at 24 kHz. "
        "In float32 it changes no word.",
    )
    acoustic_tokenizer_chunk_size: int | None = Field(
        None,
        gt=0,
        le=_LONGEST_SEGMENT * _RATE,
        description="The same in samples at 24 kHz, as Transformers names it.",
    )
    service_tier: ServiceTier | None = Field(
        None, description="priority: before other requests, for keys that may; the others change nothing."
    )
    known_speaker_names: _Known = Field(
        (), description="Names to use for the speakers of the references, in the same order."
    )
    known_speaker_references: _Known = Field(
        (), description="A recording of 2 to 10 seconds of each known speaker, as data: URLs."
    )

    def check(self) -> None:
        """Raise InvalidParameter for values that are fine alone and make no sense together."""
        names, references = self.known_speaker_names, self.known_speaker_references
        if len(names) != len(references):
            raise InvalidParameter(
                "known_speaker_references",
                f"{len(names)} known_speaker_names need as many known_speaker_references, not {len(references)}.",
            )
        if len(set(names)) != len(names):
            raise InvalidParameter("known_speaker_names", "known_speaker_names must be different from each other.")
        if self.streaming_segment_duration is not None and self.acoustic_tokenizer_chunk_size is not None:
            raise InvalidParameter(
                "acoustic_tokenizer_chunk_size",
                "acoustic_tokenizer_chunk_size and streaming_segment_duration say the same thing: give one of them.",
            )


Parameters = TypeVar("Parameters", bound=RecordingParameters)


def parameters_from_form(kind: type[Parameters], fields: Iterable[tuple[str, str]]) -> Parameters:
    """Parameters of this kind from form fields in any order, see `values_of_form`. Raises InvalidParameter."""
    return _checked(kind, _values(kind, fields))


def parameters_over(
    kind: type[Parameters], before: Mapping[str, JsonValue], fields: Iterable[tuple[str, str]]
) -> Parameters:
    """Parameters of this kind as they were, but for those that form fields name. Raises InvalidParameter."""
    return _checked(kind, dict(before) | _values(kind, fields))


def parameters_from_json(kind: type[Parameters], values: Mapping[str, JsonValue]) -> Parameters:
    """Parameters of this kind from a JSON object, where null is the same as absent. Raises InvalidParameter."""
    return _checked(kind, values_of_json(values))


def _values(kind: type[RecordingParameters], fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    lists = {name for name, field in kind.model_fields.items() if get_origin(field.annotation) is tuple}
    return values_of_form(fields, lists=lists, texts=_TEXTS, choices=_CHOICES)


def _checked(kind: type[Parameters], values: dict[str, Any]) -> Parameters:
    try:
        parameters = kind.model_validate(values)
    except ValidationError as error:
        raise _named(error) from None
    parameters.check()
    return parameters


def _named(error: ValidationError) -> InvalidParameter:
    """The first parameter's complaint, without the value that caused it: of what may be several things, that of the
    one which it is most like.
    """
    complaints = error.errors(include_input=False, include_url=False)
    param = str(complaints[0]["loc"][0])
    nearest = max((each for each in complaints if each["loc"][0] == param), key=lambda each: len(each["loc"]))
    place = ".".join([param, *map(str, nearest["loc"][2:])])
    return InvalidParameter(param, f"{place}: {nearest['msg'].removeprefix('Value error, ')}.")
