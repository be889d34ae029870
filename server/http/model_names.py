"""Which names of models mean the one that is served."""

from __future__ import annotations

from http import HTTPStatus

from server.http.errors import ApiError
from server.settings import Settings

OPENAI_NAMES = frozenset(
    {
        "whisper-1",
        "gpt-transcribe",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-4o-mini-transcribe-2025-12-15",
        "gpt-4o-transcribe-diarize",
    }
)
"""Names that clients made for OpenAI have built in; they mean the served model, and the clients work unchanged."""


def check_model(name: str | None, settings: Settings) -> None:
    """Raise the 404 of OpenAI's API unless ``name`` means the served model. None does: there is only one."""
    if name is not None and name not in OPENAI_NAMES | {settings.served_model_name, settings.model}:
        raise ApiError(
            HTTPStatus.NOT_FOUND,
            f"The model does not exist here; {settings.served_model_name} does.",
            code="model_not_found",
            param="model",
        )
