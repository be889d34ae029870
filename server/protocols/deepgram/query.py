"""The query of ``/v1/listen``: which of Deepgram's parameters are honoured, checked, ignored and refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

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


def _endpointing(value: str) -> object:
    """Milliseconds, or None where it is switched off."""
    return {"true": 0, "false": None}.get(value.lower(), value)


def _switch(value: str) -> str | bool:
    """Any value that is named, a version of a model or a language, switches it on."""
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
        detect_language: files: say which language was spoken.
        language: ``multi``: say which language was spoken, in every alternative. Others change nothing.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    encoding: Annotated[PcmEncoding | None, BeforeValidator(_encoding)] = None
    sample_rate: int | None = Field(None, ge=MIN_RATE, le=MAX_RATE)
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
    detect_language: Annotated[bool, BeforeValidator(_switch)] = False
    language: str | None = None

    @classmethod
    def parse(cls, items: Iterable[tuple[str, str]]) -> ListenQuery:
        """From a query's names and values in order. Of a repeated single parameter the last counts, empty ones do not.

        Raises InvalidQuery.
        """
        values: dict[str, Any] = {}
        for name, value in items:
            if name in _LISTS:
                values.setdefault(name, []).append(value)
            elif value:
                values[name] = value
        for name, why in _REFUSED.items():
            if values.get(name, "false").lower() != "false":
                raise InvalidQuery(f"{name} is not supported: {why}.")
        try:
            query = cls.model_validate(values)
        except ValidationError as error:
            raise _named(error) from None
        if query.encoding is not None and query.sample_rate is None:
            raise InvalidQuery("sample_rate is needed with encoding; for a container leave out both.")
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
    def languages(self) -> bool:
        """Whether alternatives tell which language they are in."""
        return self.language is not None and self.language.lower() == "multi"

    @property
    def turns(self) -> TurnDetection | None:
        """The turn detection that the wanted events need; None where none needs any."""
        if self.endpointing is not None:
            return TurnDetection(silence=max(self.endpointing / 1000, MIN_ENDPOINTING_SECONDS))
        if self.utterance_end_ms is not None:
            return TurnDetection(silence=max(self.utterance_end_ms / 1000, MIN_ENDPOINTING_SECONDS))
        return TurnDetection(silence=_PLAIN_SILENCE_SECONDS) if self.vad_events else None


def _named(error: ValidationError) -> InvalidQuery:
    """The first complaint, without the value that caused it."""
    first = error.errors(include_input=False, include_url=False)[0]
    return InvalidQuery(f"{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}.")


def _unweighted(keyword: str) -> str | None:
    """``word:2`` is ``word``; ``word:-1`` (do not expect it) is nothing."""
    word, colon, weight = keyword.rpartition(":")
    try:
        expected = not colon or float(weight) > 0
    except ValueError:
        return keyword
    return (word if colon else keyword) if expected else None
