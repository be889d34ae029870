"""The query of ``/v1/listen``: which of Deepgram's parameters are honoured, checked, ignored and refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from server.audio_in.listening import Listening
from server.context import ANY_ROOM, ContextRoom, ContextTooLong, context_of
from server.live.vocabulary.turn_detection import TurnDetection
from server.protocols.deepgram.alternatives import JsonObject
from server.protocols.deepgram.audio_query import AudioQuery, InvalidQuery
from server.protocols.deepgram.parameters import (
    LISTS,
    MAX_REPLACED,
    MAX_SEARCHED,
    Endpointing,
    Flag,
    Pair,
    Switch,
)
from server.protocols.deepgram.wording import NUMBER_LANGUAGES, Wording
from server.protocols.service_tier import ServiceTier

MIN_ENDPOINTING_SECONDS = 0.3
"""Shorter pauses are breaths; Deepgram's default of 10 ms would cut sentences, and with them what the model hears."""
_PLAIN_SILENCE_SECONDS = 0.5
_CALL_CHANNELS = 2


class ListenQuery(AudioQuery):
    """The parameters that change something here. All others are ignored, as Deepgram's own future ones must be.

    Attributes:
        multichannel: each channel is transcribed for itself; otherwise they are mixed.
        interim_results: also send results that may still change.
        diarize: say who speaks.
        endpointing: milliseconds of silence after which a turn is over; None: turns are not told.
        vad_events: send ``SpeechStarted``.
        utterance_end_ms: send ``UtteranceEnd`` when nothing was said for so long.
        keywords: words and phrases to expect, each perhaps with a weight behind a colon.
        utterances: files: list the segments.
        paragraphs: files: the transcript in paragraphs.
        smart_format: files: the same.
        detect_language: files: say which language was spoken.
        language: ``multi``: say which language was spoken, in every alternative. Others tell whose number words and
            profanity are meant.
        replace: terms, and what is told in their place.
        search: terms of which is told where they were said.
        extra: names and values that the answer repeats.
        tag: words that the answer repeats.
        tag_audio_events: tell of sounds that are no speech: this server's own.
        alternatives: at most so many; there is one.
        resume: live: the client wants to be able to go on elsewhere.
        utt_split: seconds; utterances are the segments, whatever it says.
    """

    multichannel: Flag = False
    interim_results: Flag = False
    punctuate: Flag = False
    smart_format: Flag = False
    diarize: Flag = False
    diarize_model: Switch = False
    endpointing: Endpointing = 0
    vad_events: Flag = False
    utterance_end_ms: Annotated[int, Field(ge=1_000, le=5_000)] | None = None
    keywords: tuple[str, ...] = ()
    utterances: Flag = False
    paragraphs: Flag = False
    detect_language: Switch = False
    language: str | None = None
    replace: Annotated[tuple[Pair, ...], Field(max_length=MAX_REPLACED)] = ()
    search: Annotated[tuple[str, ...], Field(max_length=MAX_SEARCHED)] = ()
    extra: tuple[Pair, ...] = ()
    tag: tuple[str, ...] = ()
    service_tier: ServiceTier | None = None
    resume: Flag = False
    tag_audio_events: Flag = False
    alternatives: int = Field(1, ge=1)
    utt_split: float = Field(0.8, gt=0)

    @classmethod
    def parse(cls, items: Iterable[tuple[str, str]], *, live: bool = True, room: ContextRoom = ANY_ROOM) -> ListenQuery:
        """From a query's names and values in order.

        Args:
            live: of a session; a file may be a container though an encoding is named.
            room: for the key terms.

        Raises InvalidQuery.
        """
        query = cls.read(items, lists=LISTS)
        try:
            room.check(context_of(*query.terms))
        except ContextTooLong as error:
            raise InvalidQuery(f"keyterm and keywords together {error.limit}.", code="context_too_long") from None
        query._check_together(live=live)
        return query

    def _check_together(self, *, live: bool) -> None:
        """What parameters have to do with each other."""
        self.check_sound(live=live)
        if live and self.utterance_end_ms is not None and not self.interim_results:
            raise InvalidQuery("utterance_end_ms needs interim_results=true.")
        if self.numerals and self.spoken is not None and self.spoken not in NUMBER_LANGUAGES:
            raise InvalidQuery(f"numerals: number words are known in {', '.join(NUMBER_LANGUAGES)} only.")

    @property
    def listening(self) -> Listening:
        """How a file is to be heard."""
        return Listening(split=self.multichannel, raw=self.raw)

    @property
    def spoken(self) -> str | None:
        """The language that the client names, its region aside."""
        language = (self.language or "multi").partition("-")[0].lower()
        return None if language == "multi" else language

    @property
    def wording(self) -> Wording:
        """What is changed in the words."""
        return Wording(self.replace, numerals=self.numerals, masked=self.profanity_filter, language=self.spoken)

    @property
    def repeated(self) -> JsonObject:
        """What the answer's metadata says because the client did."""
        told: JsonObject = {"extra": dict(self.extra)} if self.extra else {}
        return told | ({"tags": list(self.tag)} if self.tag else {})

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
    def raw_channels(self) -> int:
        """How many channels are transcribed, each for itself; 1 where they are mixed, and at first of a container."""
        return self.channels if self.multichannel and self.raw is not None else 1

    @property
    def most_channels(self) -> int:
        """How many there may be: without ``channels`` a container may have two, as a call has."""
        if not self.multichannel or self.raw is not None:
            return self.raw_channels
        return self.channels if "channels" in self.model_fields_set else _CALL_CHANNELS

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


def _unweighted(keyword: str) -> str | None:
    """``word:2`` is ``word``; ``word:-1`` (do not expect it) is nothing."""
    word, colon, weight = keyword.rpartition(":")
    try:
        expected = not colon or float(weight) > 0
    except ValueError:
        return keyword
    return (word if colon else keyword) if expected else None
