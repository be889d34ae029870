"""Which names of models mean the one that is served, and which an adapter beside it."""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import QueryParams

from server.http.errors import ApiError
from server.settings import Settings
from server.settings.model import KNOWN_NAMES


def adapter_names(settings: Settings) -> frozenset[str]:
    """Models that are the served one with an adapter."""
    return frozenset(adapter.name for adapter in settings.named_adapters)


def check_model(name: str | None, settings: Settings) -> str | None:
    """The adapter that ``name`` asks for, None where it means the served model as it is. None does, too.

    Raises the 404 of OpenAI's API for any other name.
    """
    adapters = adapter_names(settings)
    if name in adapters:
        return name
    if name is not None and name not in KNOWN_NAMES | {settings.served_model_name, settings.model}:
        served = " and ".join((settings.served_model_name, *sorted(adapters)))
        raise ApiError(
            HTTPStatus.NOT_FOUND,
            f"The model does not exist here; {served} {'do' if adapters else 'does'}.",
            code="model_not_found",
            param="model",
        )
    return None


def adapter_of(query: QueryParams, settings: Settings) -> str | None:
    """The adapter that a query's ``model`` asks for, where every other name means the served model."""
    name = query.get("model")
    return name if name in adapter_names(settings) else None
