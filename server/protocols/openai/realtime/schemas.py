"""What clients may configure, as pydantic models.

``model_fields_set`` tells what an update names: absent fields keep their value, and null puts the default back, as an
empty text does where it means nothing. Unknown fields are ignored, and so are unknown values of fields that change
nothing here: a client made for a later version of the API must not break on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from server.protocols.openai.realtime.errors import EventError

LOGPROBS = "item.input_audio_transcription.logprobs"
HYPOTHESIS = "item.input_audio_transcription.hypothesis"
"""What is not in OpenAI's API: words that may still change."""
_LEGACY_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
_MAX_MILLISECONDS = 600_000
_MIN_IDLE_MILLISECONDS = 1_000

Eagerness = Literal["low", "medium", "high", "auto"]
SessionKind = Literal["transcription", "realtime"]
Model = TypeVar("Model", bound=BaseModel)


def _null_is(default: object) -> BeforeValidator:
    """Null and an empty text mean the default."""
    return BeforeValidator(lambda value: default if value is None or value == "" else value)


def _only(*known: str) -> BeforeValidator:
    """Any value that is not known is the same as none."""
    return BeforeValidator(lambda value: value if value in known else None)


_EMPTY_IS_NONE = BeforeValidator(lambda value: None if value in ("", []) else value)
_ONLY_TEXT = BeforeValidator(lambda value: value if isinstance(value, str) and value else None)


def _modern_format(value: Any) -> Any:
    """``pcm16`` and the like as today's objects, and under today's names."""
    if isinstance(value, str):
        value = {"type": value}
    if not isinstance(value, dict) or not isinstance(name := value.get("type"), str):
        return value
    return value | {"type": _LEGACY_FORMATS.get(name, name)}


def _modern_turns(value: Any) -> Any:
    """``{"type": "none"}``, as Azure has it, is null."""
    return None if isinstance(value, dict) and value.get("type") == "none" else value


def _known_includes(value: Any) -> Any:
    if isinstance(value, str):
        value = value.split(",")
    return ([entry for entry in value if entry in (LOGPROBS, HYPOTHESIS)] or None) if isinstance(value, list) else value


class Fields(BaseModel):
    """An object of the API: unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class AudioFormat(Fields):
    """What ``append`` brings: mono, 16 bit little endian or G.711. ``rate`` in Hz; G.711 always has 8000."""

    type: Annotated[Literal["audio/pcm", "audio/pcmu", "audio/pcma"], _null_is("audio/pcm")] = "audio/pcm"
    rate: Annotated[int, Field(ge=8_000, le=48_000), _null_is(24_000)] = 24_000


class Transcription(Fields):
    """``prompt`` and ``keywords`` go into the model's prompt. ``tag_audio_events`` is this server's own: sounds that
    are no speech are told as segments. The rest is echoed and changes nothing.
    """

    model: Annotated[str | None, _EMPTY_IS_NONE] = None
    language: Annotated[str | None, _EMPTY_IS_NONE] = None
    languages: Annotated[list[str] | None, _EMPTY_IS_NONE] = None
    keywords: Annotated[list[str] | None, _EMPTY_IS_NONE] = None
    prompt: Annotated[str | None, _EMPTY_IS_NONE] = None
    delay: Annotated[str | None, _only("minimal", "low", "medium", "high", "xhigh")] = None
    tag_audio_events: Annotated[bool | None, _EMPTY_IS_NONE] = None


class NoiseReduction(Fields):
    """Echoed; the model was trained on noisy audio and hears it as it comes."""

    type: Annotated[str | None, _only("near_field", "far_field")] = None
    strength: float | None = None


class TurnDetectionFields(Fields):
    """``server_vad`` or ``semantic_vad``; each reads its own fields. Times in milliseconds."""

    type: Annotated[Literal["server_vad", "semantic_vad"], _null_is("server_vad")] = "server_vad"
    threshold: Annotated[float, Field(ge=0, le=1), _null_is(0.5)] = 0.5
    prefix_padding_ms: Annotated[int, Field(ge=0, le=_MAX_MILLISECONDS), _null_is(300)] = 300
    silence_duration_ms: Annotated[int, Field(ge=0, le=_MAX_MILLISECONDS), _null_is(500)] = 500
    eagerness: Annotated[Eagerness, _null_is("auto")] = "auto"
    idle_timeout_ms: Annotated[
        Annotated[int, Field(ge=_MIN_IDLE_MILLISECONDS, le=_MAX_MILLISECONDS)] | None, _EMPTY_IS_NONE
    ] = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


FormatField = Annotated[AudioFormat | None, BeforeValidator(_modern_format)]
TurnsField = Annotated[TurnDetectionFields | None, BeforeValidator(_modern_turns)]


class InputFields(Fields):
    """``session.audio.input``."""

    format: FormatField = None
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnsField = None


class _AudioFields(Fields):
    input: InputFields | None = None


_INPUT_FIELDS = frozenset(InputFields.model_fields)
_FLAT_PREFIX = "input_audio_"


class SessionFields(Fields):
    """A session as updates have it, and those who ask for client secrets: every form that OpenAI's API has had.

    Generally available: ``type`` and ``audio.input``. In the beta the same fields were flat, also in the older
    ``transcription_session.update``. What concerns answers (``output_modalities``, ``instructions``, ``tools``,
    ``audio.output``, ...) is ignored: nobody answers here.
    """

    type: Annotated[SessionKind | None, _EMPTY_IS_NONE] = None
    model: Annotated[str | None, _ONLY_TEXT] = None
    audio: _AudioFields | None = None
    input_audio_format: FormatField = None
    input_audio_transcription: Transcription | None = None
    input_audio_noise_reduction: NoiseReduction | None = None
    turn_detection: TurnsField = None
    include: Annotated[list[str] | None, BeforeValidator(_known_includes)] = None

    @property
    def flat(self) -> bool:
        """Fields of the beta's form are named."""
        return any(name in _INPUT_FIELDS for name in map(_unprefixed, self.model_fields_set))

    def named(self) -> Iterable[tuple[str, Any]]:
        """What the client named of ``InputFields`` and ``include``."""
        for name in SessionFields.model_fields:
            if name in self.model_fields_set and _unprefixed(name) in _INPUT_FIELDS | {"include"}:
                yield _unprefixed(name), getattr(self, name)
        if self.audio is not None and self.audio.input is not None:
            for name in self.audio.input.model_fields_set:
                yield name, getattr(self.audio.input, name)

    def as_json(self) -> dict[str, Any]:
        """The named fields alone, of which the same can be read again."""
        return self.model_dump(mode="json", exclude_unset=True)


def _unprefixed(name: str) -> str:
    return name.removeprefix(_FLAT_PREFIX)


class SessionUpdate(Fields):
    """``session.update``, and the older ``transcription_session.update``."""

    session: SessionFields


class Append(Fields):
    """``input_audio_buffer.append``."""

    audio: str


class _Resumption(Fields):
    """As ``session.resumption_update`` brought them, the last of each."""

    token: str
    voices: str | None = None


class ResumeFields(Fields):
    """``session.resume``. ``audio_start``: where in the session the audio begins that comes; the token's place."""

    resumption: _Resumption
    audio_start: Annotated[float, Field(ge=0)] | None = None


class ItemReference(Fields):
    """``conversation.item.retrieve``, ``.delete`` and ``.truncate``."""

    item_id: str


def checked(model: type[Model], event: object) -> Model:
    """The event as ``model``. Raises EventError that names the field at fault."""
    try:
        return model.model_validate(event)
    except ValidationError as error:
        raise EventError.from_validation(error) from None
