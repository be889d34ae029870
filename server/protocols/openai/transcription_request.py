"""The parameters of a transcription: what OpenAI's clients send, from form fields or JSON, checked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from server.protocols.openai.errors import InvalidParameter
from server.transcript.formats import DEFAULT_SUBTITLES, SubtitleOptions

MAX_KNOWN_SPEAKERS = 4

_BRACKETED = re.compile(r"(?P<name>\w+)\[(?P<inner>\w*)\]")

Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,32}([-_][A-Za-z0-9]{1,8})*$")]


class ResponseFormat(StrEnum):
    """How the answer is written."""

    JSON = "json"
    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    VERBOSE_JSON = "verbose_json"
    DIARIZED_JSON = "diarized_json"


STREAMED_FORMATS = frozenset({ResponseFormat.JSON, ResponseFormat.TEXT, ResponseFormat.DIARIZED_JSON})
"""Formats that OpenAI's events can carry."""


class ServerVad(BaseModel):
    """OpenAI's voice activity settings; checked, then ignored: the model hears the recording whole."""

    type: Literal["server_vad"]
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None
    threshold: float | None = Field(None, ge=0, le=1)


def _listed(value: Any) -> Any:
    """One value where several are possible is a list of one."""
    return [value] if isinstance(value, str) else value


Strings = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class TranscriptionParameters(BaseModel):
    """Form fields beside the file. Unknown ones are ignored, as OpenAI's own future fields must be."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str | None = Field(None, description="The served model's name; OpenAI's model names mean it too.")
    response_format: ResponseFormat = Field(ResponseFormat.JSON, description="How the answer is written.")
    stream: bool = Field(
        False, description="Answer with server-sent events while the text comes; with json, text and diarized_json."
    )
    prompt: str | None = Field(None, description="Background or vocabulary that helps the model with names and terms.")
    keywords: Strings = Field((), description="Words and phrases to expect.")
    hotwords: Strings = Field((), description="The same as keywords, under the name the model's users know.")
    language: Language | None = Field(
        None, description="Returned in verbose_json. The model finds out the language by itself and takes no hint."
    )
    languages: Annotated[tuple[Language, ...], BeforeValidator(_listed)] = Field(
        (), description="Accepted and ignored: the model finds out the language by itself."
    )
    temperature: float = Field(
        0.0, ge=0, le=1, allow_inf_nan=False, description="0 takes the likeliest words; above, words are sampled."
    )
    timestamp_granularities: Annotated[tuple[Literal["word", "segment"], ...], BeforeValidator(_listed)] = Field(
        (), description="With verbose_json: segments (default), words, or both. Word times are estimated."
    )
    include: Annotated[tuple[Literal["logprobs"], ...], BeforeValidator(_listed)] = Field(
        (), description="With json: logprobs of the text's tokens."
    )
    chunking_strategy: Literal["auto"] | ServerVad | None = Field(
        None, description="Accepted and ignored: the model hears the recording whole."
    )
    known_speaker_names: Annotated[Strings, Field(max_length=MAX_KNOWN_SPEAKERS)] = Field(
        (), description="Names to use for the speakers of the references, in the same order."
    )
    known_speaker_references: Annotated[Strings, Field(max_length=MAX_KNOWN_SPEAKERS)] = Field(
        (), description="A recording of 2 to 10 seconds of each known speaker, as data: URLs."
    )
    max_line_width: int = Field(
        DEFAULT_SUBTITLES.line_width,
        ge=10,
        le=200,
        description="With srt and vtt: columns of a line; wide characters take two.",
    )
    max_line_count: int = Field(
        DEFAULT_SUBTITLES.line_count, ge=1, le=4, description="With srt and vtt: lines of a cue."
    )
    min_cue_duration: float = Field(
        DEFAULT_SUBTITLES.min_duration, ge=0, le=10, description="With srt and vtt: seconds, where there is room."
    )
    max_cue_duration: float = Field(
        DEFAULT_SUBTITLES.max_duration, ge=0.5, le=30, description="With srt and vtt: seconds."
    )
    max_cps: float = Field(
        DEFAULT_SUBTITLES.max_cps, ge=5, le=100, description="With srt and vtt: columns that people read in a second."
    )
    min_cue_gap: float = Field(
        DEFAULT_SUBTITLES.min_gap, ge=0, le=2, description="With srt and vtt: seconds between two cues."
    )
    speaker_labels: bool = Field(True, description="With srt and vtt: say who speaks, where there are several.")

    @property
    def subtitles(self) -> SubtitleOptions:
        """How srt and vtt are to be made."""
        return SubtitleOptions(
            line_width=self.max_line_width,
            line_count=self.max_line_count,
            min_duration=self.min_cue_duration,
            max_duration=self.max_cue_duration,
            max_cps=self.max_cps,
            min_gap=self.min_cue_gap,
            speaker_labels=self.speaker_labels,
        )


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


def parameters_from_form(fields: Iterable[tuple[str, str]]) -> TranscriptionParameters:
    """Parameters from form fields in any order, names with or without brackets.

    ``name[]=a``, ``name[0]=a`` and ``name=a`` all add to a list, ``name[key]=a`` fills an object, and an empty value is
    the same as none. Of a repeated single value the last counts. Raises InvalidParameter.
    """
    values: dict[str, Any] = {}
    for key, value in fields:
        match = _BRACKETED.fullmatch(key)
        name, inner = (match["name"], match["inner"]) if match else (key, "")
        if name in _LISTS:
            values.setdefault(name, []).append(value)
        elif value and inner and not inner.isdecimal():
            nested = values.setdefault(name, {})
            values[name] = {**nested, inner: value} if isinstance(nested, dict) else {inner: value}
        elif value:
            values[name] = value
    return _checked(values)


def parameters_from_json(values: Mapping[str, JsonValue]) -> TranscriptionParameters:
    """Parameters from a JSON object, where null is the same as absent. Raises InvalidParameter."""
    return _checked({key: value for key, value in values.items() if value is not None})


def _checked(values: dict[str, Any]) -> TranscriptionParameters:
    strategy = values.get("chunking_strategy")
    if isinstance(strategy, str) and strategy.lstrip().startswith("{"):
        try:
            values["chunking_strategy"] = json.loads(strategy)
        except ValueError:
            raise InvalidParameter("chunking_strategy", "chunking_strategy: this is not valid JSON.") from None
    try:
        parameters = TranscriptionParameters.model_validate(values)
    except ValidationError as error:
        raise _named(error) from None
    _check_combinations(parameters)
    return parameters


def _named(error: ValidationError) -> InvalidParameter:
    """The first complaint, without the value that caused it."""
    first = error.errors(include_input=False, include_url=False)[0]
    param = str(first["loc"][0])
    return InvalidParameter(param, f"{param}: {first['msg']}.")


def _check_combinations(parameters: TranscriptionParameters) -> None:
    """Raise InvalidParameter for values that are fine alone and make no sense together."""
    answer = parameters.response_format
    if parameters.timestamp_granularities and answer is not ResponseFormat.VERBOSE_JSON:
        raise InvalidParameter("timestamp_granularities", "timestamp_granularities needs response_format=verbose_json.")
    if parameters.include and answer is not ResponseFormat.JSON:
        raise InvalidParameter("include", "include[]=logprobs needs response_format=json.")
    if parameters.stream and answer not in STREAMED_FORMATS:
        possible = ", ".join(sorted(STREAMED_FORMATS))
        raise InvalidParameter(
            "stream", f"stream=true is possible with response_format {possible}; {answer} comes whole."
        )
    if parameters.min_cue_duration > parameters.max_cue_duration:
        raise InvalidParameter("min_cue_duration", "min_cue_duration must not be greater than max_cue_duration.")
    names, references = parameters.known_speaker_names, parameters.known_speaker_references
    if len(names) != len(references):
        raise InvalidParameter(
            "known_speaker_references",
            f"{len(names)} known_speaker_names need as many known_speaker_references, not {len(references)}.",
        )
    if len(set(names)) != len(names) or not all(name.strip() for name in names):
        raise InvalidParameter(
            "known_speaker_names", "known_speaker_names must be different from each other and not empty."
        )
