"""Client events and what they may configure, as pydantic models.

``model_fields_set`` tells what an update names: absent fields keep their value, and null puts the default back. Unknown
fields are ignored, and so are unknown values of fields that change nothing here: a client made for a later version of
the API must not break on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from server.protocols.openai.realtime.errors import EventError

LOGPROBS = "item.input_audio_transcription.logprobs"
_LEGACY_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
_MAX_MILLISECONDS = 600_000

Eagerness = Literal["low", "medium", "high", "auto"]
Model = TypeVar("Model", bound=BaseModel)


def _null_is(default: object) -> BeforeValidator:
    """Null means the default."""
    return BeforeValidator(lambda value: default if value is None else value)


def _only(*known: str) -> BeforeValidator:
    """Any value that is not known is the same as none."""
    return BeforeValidator(lambda value: value if value in known else None)


def _modern_format(value: Any) -> Any:
    """``pcm16`` and the like as today's objects."""
    return {"type": _LEGACY_FORMATS.get(value, value)} if isinstance(value, str) else value


def _known_includes(value: Any) -> Any:
    return [entry for entry in value if entry == LOGPROBS] if isinstance(value, list) else value


class _Fields(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class AudioFormat(_Fields):
    """What ``append`` brings: mono, 16 bit little endian or G.711. ``rate`` in Hz; G.711 always has 8000."""

    type: Annotated[Literal["audio/pcm", "audio/pcmu", "audio/pcma"], _null_is("audio/pcm")] = "audio/pcm"
    rate: Annotated[int, Field(ge=8_000, le=48_000), _null_is(24_000)] = 24_000


class Transcription(_Fields):
    """``prompt`` and ``keywords`` go into the model's prompt; the rest is echoed and changes nothing."""

    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    keywords: list[str] | None = None
    prompt: str | None = None
    delay: Annotated[str | None, _only("minimal", "low", "medium", "high", "xhigh")] = None


class NoiseReduction(_Fields):
    """Echoed; the model was trained on noisy audio and hears it as it comes."""

    type: Annotated[str | None, _only("near_field", "far_field")] = None
    strength: float | None = None


class TurnDetectionFields(_Fields):
    """``server_vad`` or ``semantic_vad``; each reads its own fields. Times in milliseconds."""

    type: Annotated[Literal["server_vad", "semantic_vad"], _null_is("server_vad")] = "server_vad"
    threshold: Annotated[float, Field(ge=0, le=1), _null_is(0.5)] = 0.5
    prefix_padding_ms: Annotated[int, Field(ge=0, le=_MAX_MILLISECONDS), _null_is(300)] = 300
    silence_duration_ms: Annotated[int, Field(ge=0, le=_MAX_MILLISECONDS), _null_is(500)] = 500
    eagerness: Annotated[Eagerness, _null_is("auto")] = "auto"
    idle_timeout_ms: int | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


FormatField = Annotated[AudioFormat | None, BeforeValidator(_modern_format)]


class InputFields(_Fields):
    """``session.audio.input``."""

    format: FormatField = None
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetectionFields | None = None


class _AudioFields(_Fields):
    input: InputFields | None = None


class LegacySessionFields(_Fields):
    """The flat session of ``transcription_session.update``."""

    input_audio_format: FormatField = None
    input_audio_transcription: Transcription | None = None
    input_audio_noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetectionFields | None = None
    include: Annotated[list[str] | None, BeforeValidator(_known_includes)] = None

    def named(self) -> Iterable[tuple[str, Any]]:
        """The fields that the client named, as those of ``InputFields`` and ``include``."""
        for name in LegacySessionFields.model_fields:
            if name in self.model_fields_set:
                yield name.removeprefix("input_audio_"), getattr(self, name)


class SessionFields(LegacySessionFields):
    """The session of ``session.update``. Flat fields, as before the API was generally available, count too."""

    type: Literal["transcription"] = "transcription"
    audio: _AudioFields | None = None

    def named(self) -> Iterable[tuple[str, Any]]:
        yield from super().named()
        if self.audio is not None and self.audio.input is not None:
            for name in self.audio.input.model_fields_set:
                yield name, getattr(self.audio.input, name)


class SessionUpdate(_Fields):
    """``session.update``."""

    session: SessionFields


class LegacySessionUpdate(_Fields):
    """``transcription_session.update``."""

    session: LegacySessionFields


class Append(_Fields):
    """``input_audio_buffer.append``."""

    audio: str


def checked(model: type[Model], event: dict[str, Any]) -> Model:
    """The event as ``model``. Raises EventError that names the field at fault."""
    try:
        return model.model_validate(event)
    except ValidationError as error:
        raise EventError.from_validation(error) from None
