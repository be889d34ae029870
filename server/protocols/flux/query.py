"""The query of ``/v2/listen``: Flux's parameters, of which all others are ignored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from server.context import ANY_ROOM, ContextRoom, ContextTooLong, context_of
from server.protocols.deepgram.audio_query import AudioQuery, InvalidQuery
from server.protocols.deepgram.parameters import Flag
from server.protocols.flux.end_of_turn import Thresholds

_LISTS = frozenset({"keyterm", "language_hint"})
_ENGLISH = "flux-general-en"

EotThreshold = Annotated[float, Field(ge=0.5, le=1.0, allow_inf_nan=False)]
EagerEotThreshold = Annotated[float, Field(ge=0.3, le=0.9, allow_inf_nan=False)]
EotTimeoutMs = Annotated[int, Field(ge=500, le=60_000)]

_DEFAULTS = Thresholds()


def agreeing(thresholds: Thresholds) -> Thresholds:
    """Raises InvalidQuery where an end would be announced after it came."""
    eager = thresholds.eager_eot_threshold
    if eager is not None and eager > thresholds.eot_threshold:
        raise InvalidQuery(f"eager_eot_threshold: not above eot_threshold, which is {thresholds.eot_threshold:g}.")
    return thresholds


class FluxQuery(AudioQuery):
    """The parameters that change something here.

    Attributes:
        model: any; one that is not Flux's for English tells the languages that were spoken.
        eot_threshold: see Thresholds, as the two that follow.
        resume: the client wants to be able to go on elsewhere.
        language_hint: languages to expect; told again in every turn.
        tag_audio_events: tell of sounds that are no speech: this server's own.
    """

    model: str | None = None
    eot_threshold: EotThreshold = _DEFAULTS.eot_threshold
    eager_eot_threshold: EagerEotThreshold | None = None
    eot_timeout_ms: EotTimeoutMs = _DEFAULTS.eot_timeout_ms
    language_hint: tuple[str, ...] = ()
    resume: Flag = False
    tag_audio_events: Flag = False

    @classmethod
    def parse(cls, items: Iterable[tuple[str, str]], room: ContextRoom = ANY_ROOM) -> FluxQuery:
        """From a query's names and values in order; empty ones do not count. ``room``: for the key terms.

        Raises InvalidQuery.
        """
        query = cls.read(items, lists=_LISTS)
        try:
            room.check(context_of(*query.keyterm))
        except ContextTooLong as error:
            raise InvalidQuery(f"keyterm: all together {error.limit}.", code="context_too_long") from None
        query.check_sound(live=True)
        agreeing(query.thresholds)
        return query

    @property
    def thresholds(self) -> Thresholds:
        """When turns end."""
        return Thresholds(self.eot_threshold, self.eager_eot_threshold, self.eot_timeout_ms)

    @property
    def english(self) -> bool:
        """Whether English is expected: turns do not tell languages then."""
        return self.model == _ENGLISH
