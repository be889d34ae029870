"""A transcript as the page has it, with what its reader changed, to be written in one of the formats."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from server.protocols.openai.errors import InvalidParameter
from server.transcript.segments import Segment, Transcript, Usage

MAX_SEGMENTS = 100_000
"""Some times what a day of talk has."""
_OF_NAMES = 26 + 26 * 26
"""Numbers of speakers below belong to letters."""

_Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
_Tokens = Annotated[int, Field(ge=0)]
_Format = Literal["text", "srt", "vtt", "lrc", "json", "diarized_json", "rttm"]


class _Details(BaseModel):
    audio_tokens: _Tokens
    text_tokens: _Tokens


class _Usage(BaseModel):
    """OpenAI's ``usage`` by tokens."""

    input_token_details: _Details
    output_tokens: _Tokens


class CorrectedSegment(BaseModel):
    """What ``diarized_json`` tells of one: ``speaker`` is a letter or a known name, empty for sounds."""

    id: str = Field("", max_length=32)
    start: _Seconds
    end: _Seconds
    text: str = Field(min_length=1, max_length=1_000_000)
    speaker: str = Field("", max_length=200)
    channel: Annotated[int, Field(ge=0, le=1000)] | None = None
    speaker_in_doubt: bool = False

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.end < self.start:
            raise ValueError("a segment ends before it starts")
        return self


class CorrectedTranscript(BaseModel):
    """Segments with all that the formats tell beside them.

    Attributes:
        names: what speakers are called, by their labels. Where nobody has one, all are called as each format calls
            them; otherwise who is not among them is called by the label.
        filename: of the recording; RTTM names it.
    """

    model_config = ConfigDict(frozen=True)

    segments: tuple[CorrectedSegment, ...] = Field(max_length=MAX_SEGMENTS)
    response_format: _Format
    names: dict[str, Annotated[str, Field(min_length=1, max_length=200)]] = {}
    duration: _Seconds
    usage: _Usage | None = None
    notes: tuple[str, ...] = ()
    complete: bool = True
    filename: str | None = None

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """Out of a JSON object. Raises InvalidParameter."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InvalidParameter(where, f"{where}: {first['msg']}.") from None

    @property
    def transcript(self) -> Transcript:
        """With the letters as they were given, whoever of those who are left speaks first."""
        numbers = {label: self._number(place, label) for place, label in enumerate(self._labels)}
        lettered = [number for number in numbers.values() if number < _OF_NAMES]
        return Transcript(
            tuple(self._segment(place, each, numbers) for place, each in enumerate(self.segments)),
            duration=self.duration,
            usage=self._spent,
            notes=self.notes,
            complete=self.complete,
            speaker_names={
                number: self.names.get(label, label)
                for label, number in numbers.items()
                if self.names or number >= _OF_NAMES
            },
            channels=max(lettered, default=0) + 1,
        )

    @property
    def _labels(self) -> list[str]:
        return list(dict.fromkeys(each.speaker for each in self.segments if each.speaker))

    def _number(self, place: int, label: str) -> int:
        """That of the letter, so that A is the first; names are somebody's beside the letters."""
        number = _number_of(label)
        return _OF_NAMES + place if number is None else number

    def _segment(self, place: int, each: CorrectedSegment, numbers: Mapping[str, int]) -> Segment:
        told = each.id.removeprefix("seg_")
        return Segment(
            index=int(told) if told.isascii() and told.isdecimal() else place,
            start=each.start,
            end=each.end,
            speaker=numbers.get(each.speaker),
            text=each.text,
            channel=each.channel,
            doubtful=each.speaker_in_doubt,
        )

    @property
    def _spent(self) -> Usage | None:
        if self.usage is None:
            return None
        asked = self.usage.input_token_details
        return Usage(asked.audio_tokens, asked.text_tokens, self.usage.output_tokens)


def _number_of(label: str) -> int | None:
    """A → 0, Z → 25, AA → 26; None for what is no such label."""
    if not 1 <= len(label) <= 2 or not set(label) <= set(string.ascii_uppercase):
        return None
    number = 0
    for letter in label:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1
