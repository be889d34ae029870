"""What a client may change while it speaks: Flux's ``Configure``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator

from server.context import context_of
from server.protocols.deepgram.audio_query import checked, refuse
from server.protocols.deepgram.parameters import Flag
from server.protocols.deepgram.wording import Wording
from server.protocols.flux.end_of_turn import Thresholds
from server.protocols.flux.query import EagerEotThreshold, EotThreshold, EotTimeoutMs, FluxQuery, agreeing


def _list(value: object) -> object:
    return [value] if isinstance(value, str) and value else value or []


def _off(value: object) -> object:
    return False if value is None else value


Terms = Annotated[tuple[str, ...], BeforeValidator(_list)]
Switched = Annotated[Flag, BeforeValidator(_off)]


class _Thresholds(BaseModel):
    """Absent: as it is. None: the default."""

    eot_threshold: EotThreshold | None = None
    eager_eot_threshold: EagerEotThreshold | None = None
    eot_timeout_ms: EotTimeoutMs | None = None


class _Fields(BaseModel):
    """Absent: as it is. None: the default."""

    thresholds: _Thresholds | None = None
    keyterms: Terms = ()
    language_hints: Terms = ()
    numerals: Switched = False
    profanity_filter: Switched = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """Of one session.

    Attributes:
        thresholds: when turns end.
        keyterms: words and phrases to expect.
        language_hints: languages to expect; told again in every turn.
        numerals: numbers in digits.
        profanity_filter: of profane words only the first letter is told.
        english: English is expected.
        tag_audio_events: sounds that are no speech are told; a session has that from its query alone.
    """

    thresholds: Thresholds
    keyterms: tuple[str, ...]
    language_hints: tuple[str, ...]
    numerals: bool
    profanity_filter: bool
    english: bool
    tag_audio_events: bool = False

    @classmethod
    def of(cls, query: FluxQuery) -> Configuration:
        """As the session begins."""
        return cls(
            query.thresholds,
            query.keyterm,
            query.language_hint,
            query.numerals,
            query.profanity_filter,
            query.english,
            query.tag_audio_events,
        )

    @property
    def context(self) -> str | None:
        """The key terms as the model's prompt has them."""
        return context_of(*self.keyterms)

    @property
    def wording(self) -> Wording:
        """What is changed in the words: those of the only language that is expected, or of the one that they are in."""
        expected = ("en",) if self.english else self.language_hints
        language = expected[0].partition("-")[0].lower() if len(expected) == 1 else None
        return Wording(numerals=self.numerals, masked=self.profanity_filter, language=language)

    def updated(self, fields: Mapping[str, Any]) -> Configuration:
        """With the ``fields`` of a ``Configure``: a threshold that is not named stays, lists are replaced.

        Raises InvalidQuery for a value that makes no sense, and ContextTooLong.
        """
        refuse(fields)
        given = checked(_Fields, fields)
        lists = {name: getattr(given, name) for name in given.model_fields_set - {"thresholds"}}
        updated = replace(self, thresholds=self._thresholds(given), **lists)
        context_of(*updated.keyterms)
        return updated

    def _thresholds(self, given: _Fields) -> Thresholds:
        if "thresholds" not in given.model_fields_set:
            return self.thresholds
        changes = given.thresholds.model_dump(exclude_unset=True) if given.thresholds else asdict(Thresholds())
        defaults = asdict(Thresholds())
        named = {name: defaults[name] if value is None else value for name, value in changes.items()}
        return agreeing(replace(self.thresholds, **named))
