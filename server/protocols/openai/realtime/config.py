"""The effective configuration of a session: what updates add up to, what it makes the session do, how it is echoed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from server.audio_in.encodings import PcmEncoding
from server.context import ContextTooLong, context_of
from server.live.vocabulary.actions import SetFormat
from server.live.vocabulary.turn_detection import TurnDetection
from server.protocols.openai.realtime.errors import EventError
from server.protocols.openai.realtime.schemas import (
    AudioFormat,
    Eagerness,
    LegacySessionFields,
    NoiseReduction,
    Transcription,
    TurnDetectionFields,
)

SEMANTIC_SILENCE: dict[Eagerness, float] = {"low": 2.0, "medium": 1.0, "high": 0.5, "auto": 1.0}
"""Seconds of silence that end a turn with ``semantic_vad``, by eagerness.

OpenAI's own looks at the words and waits up to 8, 4 or 2 s when a sentence seems unfinished. Here only silence counts,
so it lies between that and the short wait behind a finished sentence.
"""

_ENCODINGS = {
    "audio/pcm": PcmEncoding.LINEAR16,
    "audio/pcmu": PcmEncoding.MULAW,
    "audio/pcma": PcmEncoding.ALAW,
}
_LEGACY_NAMES = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}
_G711_RATE = 8_000


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Everything a client may set. ``model``: the name that is echoed while the client gives no other."""

    model: str
    format: AudioFormat = field(default_factory=AudioFormat)
    transcription: Transcription = field(default_factory=Transcription)
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetectionFields | None = field(default_factory=TurnDetectionFields)
    include: list[str] | None = None

    def updated(self, fields: LegacySessionFields) -> SessionConfig:
        """This with what the client named. Raises EventError for a prompt that is too long."""
        updated = self
        for name, value in fields.named():
            updated = replace(updated, **{name: _merged(name, getattr(updated, name), value)})
        try:
            context_of(*updated._context_parts)
        except ContextTooLong as error:
            raise EventError(
                f"prompt and keywords together may have {error.limit} characters.",
                code="context_too_long",
                param="session.audio.input.transcription.prompt",
            ) from None
        return updated

    @property
    def set_format(self) -> SetFormat:
        """How the client's audio is to be read."""
        encoding = _ENCODINGS[self.format.type]
        return SetFormat(encoding, self.format.rate if encoding is PcmEncoding.LINEAR16 else _G711_RATE)

    @property
    def bytes_per_second(self) -> int:
        """Of the client's audio."""
        action = self.set_format
        return action.rate * (2 if action.encoding is PcmEncoding.LINEAR16 else 1)

    @property
    def turns(self) -> TurnDetection | None:
        """How turns are to be found; None where the client commits."""
        fields = self.turn_detection
        if fields is None:
            return None
        if fields.type == "semantic_vad":
            return TurnDetection(silence=SEMANTIC_SILENCE[fields.eagerness])
        return TurnDetection(fields.threshold, fields.prefix_padding_ms / 1000, fields.silence_duration_ms / 1000)

    @property
    def context(self) -> str | None:
        """What the model's prompt says beside the task: keywords one per line, as in training, then the prompt."""
        return context_of(*self._context_parts)

    @property
    def _context_parts(self) -> tuple[str, ...]:
        return (*(self.transcription.keywords or ()), self.transcription.prompt or "")

    def echo(self) -> dict[str, Any]:
        """The session's fields as ``session.updated`` tells them."""
        sound = self.format
        audio_input = {
            "format": {"type": sound.type} | ({"rate": sound.rate} if sound.type == "audio/pcm" else {}),
            "transcription": self._transcription(),
            "noise_reduction": self._noise_reduction(),
            "turn_detection": self._turn_detection(),
        }
        return {"type": "transcription", "audio": {"input": audio_input}, "include": self.include}

    def legacy_echo(self) -> dict[str, Any]:
        """The same in the flat shape of ``transcription_session.updated``."""
        return {
            "input_audio_format": _LEGACY_NAMES[self.format.type],
            "input_audio_transcription": self._transcription(),
            "input_audio_noise_reduction": self._noise_reduction(),
            "turn_detection": self._turn_detection(),
            "include": self.include,
        }

    def _transcription(self) -> dict[str, Any]:
        return {"model": self.model} | self.transcription.model_dump(exclude_none=True)

    def _noise_reduction(self) -> dict[str, Any] | None:
        return None if self.noise_reduction is None else self.noise_reduction.model_dump(exclude_none=True)

    def _turn_detection(self) -> dict[str, Any] | None:
        if self.turn_detection is None:
            return None
        semantic = self.turn_detection.type == "semantic_vad"
        other = {"threshold", "prefix_padding_ms", "silence_duration_ms"} if semantic else {"eagerness"}
        return self.turn_detection.model_dump(exclude_none=True, exclude=other)


_CLEARED: dict[str, AudioFormat | Transcription] = {"format": AudioFormat(), "transcription": Transcription()}
"""What null leaves of the fields that a session cannot be without."""


def _merged(name: str, current: Any, update: Any) -> Any:
    """``current`` with the fields that ``update`` names; formats and other kinds of turn detection begin afresh."""
    if update is None:
        return _CLEARED.get(name)
    if isinstance(update, AudioFormat | list) or current is None:
        return update
    if isinstance(update, TurnDetectionFields) and "type" in update.model_fields_set and update.type != current.type:
        return update
    return current.model_copy(update={name: getattr(update, name) for name in update.model_fields_set})
