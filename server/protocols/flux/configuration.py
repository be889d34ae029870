"""What a client may change while it speaks: Flux's ``Configure``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator

from server.context import context_of
from server.protocols.deepgram.query import checked, refuse
from server.protocols.flux.end_of_turn import Thresholds
from server.protocols.flux.query import EagerEotThreshold, EotThreshold, EotTimeoutMs, FluxQuery, agreeing


def _list(value: object) -> object:
    return [value] if isinstance(value, str) and value else value or []


Terms = Annotated[tuple[str, ...], BeforeValidator(_list)]


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


@dataclass(frozen=True, slots=True)
class Configuration:
    """Of one session.

    Attributes:
        thresholds: when turns end.
        keyterms: words and phrases to expect.
        language_hints: languages to expect; told, and nothing else.
    """

    thresholds: Thresholds
    keyterms: tuple[str, ...]
    language_hints: tuple[str, ...]

    @classmethod
    def of(cls, query: FluxQuery) -> Configuration:
        """As the session begins."""
        return cls(query.thresholds, query.keyterm, query.language_hint)

    @property
    def context(self) -> str | None:
        """The key terms as the model's prompt has them."""
        return context_of(*self.keyterms)

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
