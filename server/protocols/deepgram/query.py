"""The query of ``/v1/listen``: which of Deepgram's parameters are honoured, checked, ignored and refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from server.audio_in.encodings import PcmEncoding
from server.audio_in.limits import MAX_CHANNELS, MAX_RATE, MIN_RATE
from server.context import ContextTooLong, context_of
from server.live.vocabulary.turn_detection import TurnDetection

MIN_ENDPOINTING_SECONDS = 0.3
"""Shorter pauses are breaths; Deepgram's default of 10 ms would cut sentences, and with them what the model hears."""
_PLAIN_SILENCE_SECONDS = 0.5

_ENCODINGS: Mapping[str, PcmEncoding | None] = {
    "linear16": PcmEncoding.LINEAR16,
    "linear32": PcmEncoding.FLOAT32,
    "mulaw": PcmEncoding.MULAW,
    "alaw": PcmEncoding.ALAW,
    "flac": None,
    "ogg-opus": None,
}
"""None: a container, which says by itself what is in it."""
_LISTS = frozenset({"keyterm", "keywords"})
_REFUSED = {
    "callback": "the answer is given in the response, and nowhere else",
    "redact": "nothing can be left out of the transcript",
}
"""Parameters that would do harm if they were ignored, and why they cannot be honoured."""


class InvalidQuery(Exception):  # noqa: N818 - it is the query that is invalid
    """A parameter that cannot be honoured. ``message`` names it, and is ASCII: it is sent in a header too."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def _encoding(value: str) -> PcmEncoding | None:
    if value.lower() not in _ENCODINGS:
        raise ValueError(f"possible are {', '.join(_ENCODINGS)}; for other containers leave it out")
    return _ENCODINGS[value.lower()]


Encoding = Annotated[PcmEncoding | None, BeforeValidator(_encoding)]
"""Of raw audio on a WebSocket; None for containers."""
SampleRate = Annotated[int, Field(ge=MIN_RATE, le=MAX_RATE)]
Query = TypeVar("Query", bound=BaseModel)


def collected(items: Iterable[tuple[str, str]], lists: Collection[str]) -> dict[str, Any]:
    """A query's names and values in order; of ``lists`` all that are given. Empty ones of all others do not count.

    Of a repeated single parameter the last counts. Raises InvalidQuery for what no path can honour.
    """
    values: dict[str, Any] = {}
    for name, value in items:
        if name in lists:
            values.setdefault(name, []).append(value)
        elif value:
            values[name] = value
    refuse(values)
    return values


def refuse(values: Mapping[str, object]) -> None:
    """Raises InvalidQuery for what would do harm if it were ignored, and is switched on."""
    for name, why in _REFUSED.items():
        if str(values.get(name) or False).lower() != "false":
            raise InvalidQuery(f"{name} is not supported: {why}.")


def checked(model: type[Query], values: Mapping[str, Any]) -> Query:
    """Raises InvalidQuery with the first complaint, without the value that caused it."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = f"{first['loc'][0]}: " if first["loc"] else ""
        raise InvalidQuery(f"{name}{first['msg'].removeprefix('Value error, ')}.") from None


def check_audio(encoding: PcmEncoding | None, sample_rate: int | None) -> None:
    """Raises InvalidQuery for raw audio of an unknown rate."""
    if encoding is not None and sample_rate is None:
        raise InvalidQuery("sample_rate is needed with encoding; for a container leave out both.")


def _endpointing(value: str) -> object:
    """Milliseconds, or None where it is switched off."""
    return {"true": 0, "false": None}.get(value.lower(), value)


def _switch(value: str) -> str | bool:
    """Any version of a model that is named switches it on."""
    return value.lower() != "false"


Milliseconds = Annotated[int, Field(ge=0, le=60_000)]


class ListenQuery(BaseModel):
    """The parameters that change something here. All others are ignored, as Deepgram's own future ones must be.

    Attributes:
        encoding: of raw audio on the WebSocket; None for containers.
        sample_rate: Hz; with ``encoding`` only.
        channels: interleaved.
        multichannel: each channel is transcribed for itself; otherwise they are mixed.
        interim_results: also send results that may still change.
        diarize: say who speaks.
        endpointing: milliseconds of silence after which a turn is over; None: turns are not told.
        vad_events: send ``SpeechStarted``.
        utterance_end_ms: send ``UtteranceEnd`` when nothing was said for so long.
        keyterm: words and phrases to expect.
        keywords: the same, each perhaps with a weight behind a colon.
        utterances: files: list the segments.
        paragraphs: files: the transcript in paragraphs.
        smart_format: files: the same.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    encoding: Encoding = None
    sample_rate: SampleRate | None = None
    channels: int = Field(1, ge=1, le=MAX_CHANNELS)
    multichannel: bool = False
    interim_results: bool = False
    punctuate: bool = False
    smart_format: bool = False
    diarize: bool = False
    diarize_model: Annotated[bool, BeforeValidator(_switch)] = False
    endpointing: Annotated[Milliseconds | None, BeforeValidator(_endpointing)] = 0
    vad_events: bool = False
    utterance_end_ms: Milliseconds | None = None
    keyterm: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    utterances: bool = False
    paragraphs: bool = False

    @classmethod
    def parse(cls, items: Iterable[tuple[str, str]]) -> ListenQuery:
        """From a query's names and values in order. Raises InvalidQuery."""
        query = checked(cls, collected(items, _LISTS))
        check_audio(query.encoding, query.sample_rate)
        try:
            context_of(*query.terms)
        except ContextTooLong as error:
            raise InvalidQuery(f"keyterm and keywords together may have {error.limit} characters.") from None
        return query

    @property
    def terms(self) -> tuple[str, ...]:
        """What to expect: key terms, then keywords without their weights and without those weighted down."""
        terms = (*self.keyterm, *filter(None, map(_unweighted, self.keywords)))
        return tuple(filter(None, map(str.strip, terms)))

    @property
    def context(self) -> str | None:
        """The terms one per line, as the model's prompt has them."""
        return context_of(*self.terms)

    @property
    def speakers(self) -> bool:
        """Whether words tell who said them."""
        return self.diarize or self.diarize_model

    @property
    def turns(self) -> TurnDetection | None:
        """The turn detection that the wanted events need; None where none needs any."""
        if self.endpointing is not None:
            return TurnDetection(silence=max(self.endpointing / 1000, MIN_ENDPOINTING_SECONDS))
        if self.utterance_end_ms is not None:
            return TurnDetection(silence=max(self.utterance_end_ms / 1000, MIN_ENDPOINTING_SECONDS))
        return TurnDetection(silence=_PLAIN_SILENCE_SECONDS) if self.vad_events else None


def _unweighted(keyword: str) -> str | None:
    """``word:2`` is ``word``; ``word:-1`` (do not expect it) is nothing."""
    word, colon, weight = keyword.rpartition(":")
    try:
        expected = not colon or float(weight) > 0
    except ValueError:
        return keyword
    return (word if colon else keyword) if expected else None
