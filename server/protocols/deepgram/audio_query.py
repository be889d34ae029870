"""What all queries of Deepgram's have in common: how they are read and refused, and what is to be heard."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from server.audio_in.encodings import CodedEncoding, PcmEncoding
from server.audio_in.limits import MAX_CHANNELS, MAX_RATE, MIN_RATE
from server.audio_in.listening import RawAudio
from server.live.vocabulary.actions import SetFormat
from server.protocols.deepgram.parameters import REFUSED, EncodingName, Flag

_CODED_RATES = {CodedEncoding.OPUS: 48_000, CodedEncoding.AMR_WB: 16_000}
"""Hz, where nobody says another; the telephone's for the rest."""
_TELEPHONE_RATE = 8_000
_MAX_PACKET_CHANNELS = 2

Model = TypeVar("Model", bound=BaseModel)


class InvalidQuery(Exception):  # noqa: N818 - it is the query that is invalid
    """A parameter that cannot be honoured. ``message`` names it, and is ASCII: it is sent in a header too.

    ``code``: what kind of fault it is, for programs.
    """

    def __init__(self, message: str, *, code: str = "invalid_query_parameter") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def refuse(values: Mapping[str, object]) -> None:
    """Raises InvalidQuery for what would be missed if it were ignored, and is switched on."""
    for name, why in REFUSED.items():
        if str(values.get(name) or False).lower() != "false":
            raise InvalidQuery(f"{name} is not supported: {why}.")


def checked(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Raises InvalidQuery with the first complaint, without the value that caused it."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise InvalidQuery(f"{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}.") from None


class AudioQuery(BaseModel):
    """The parameters that all paths know.

    Attributes:
        encoding: of audio that does not begin like a container; None for containers.
        sample_rate: Hz; with ``encoding`` only.
        channels: interleaved.
        keyterm: words and phrases to expect.
        numerals: numbers in digits.
        profanity_filter: of profane words only the first letter is told.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    _items: list[tuple[str, str]] = PrivateAttr(default_factory=list)

    encoding: EncodingName = None
    sample_rate: int | None = Field(None, ge=MIN_RATE, le=MAX_RATE)
    channels: int = Field(1, ge=1, le=MAX_CHANNELS)
    keyterm: tuple[str, ...] = ()
    numerals: Flag = False
    profanity_filter: Flag = False

    @classmethod
    def read(cls, items: Iterable[tuple[str, str]], *, lists: Collection[str]) -> Self:
        """From a query's names and values in order. Of a repeated single parameter the last counts, empty ones do not.

        ``lists``: those that may be given more than once. Raises InvalidQuery.
        """
        values: dict[str, Any] = {}
        given = [(name, value) for name, value in items if value.strip()]
        for name, value in given:
            if name in lists:
                values.setdefault(name, []).append(value)
            else:
                values[name] = value
        refuse(values)
        query = checked(cls, values)
        query._items = given
        return query

    @property
    def items(self) -> list[tuple[str, str]]:
        """Names and values of which the same can be read again."""
        return self._items

    @property
    def needs_rate(self) -> bool:
        """Samples alone are meant, and nobody said at which rate."""
        return self.sample_rate is None and (
            isinstance(self.encoding, PcmEncoding) or self.encoding is CodedEncoding.SPEEX
        )

    @property
    def raw(self) -> RawAudio | None:
        """What audio is that does not begin like a container; None where nobody said enough."""
        if self.encoding is None or self.needs_rate:
            return None
        rate = self.sample_rate
        if rate is None:
            assert isinstance(self.encoding, CodedEncoding)
            rate = _CODED_RATES.get(self.encoding, _TELEPHONE_RATE)
        return RawAudio(self.encoding, rate, self.channels)

    @property
    def format(self) -> SetFormat:
        """The audio of a session."""
        raw = self.raw
        return SetFormat(None) if raw is None else SetFormat(raw.encoding, raw.rate, raw.channels)

    def check_sound(self, *, live: bool) -> None:
        """Raises InvalidQuery for audio that could not be read; ``live``: it is samples and no file."""
        if live and self.needs_rate:
            raise InvalidQuery("sample_rate is needed with encoding; for a container leave out both.")
        if isinstance(self.encoding, CodedEncoding) and self.channels > _MAX_PACKET_CHANNELS:
            raise InvalidQuery(f"channels: packets of {self.encoding} have at most {_MAX_PACKET_CHANNELS}.")
