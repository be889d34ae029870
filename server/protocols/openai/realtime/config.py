"""The effective configuration of a session: what updates add up to, what it makes the session do, how it is echoed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from server.audio_in.encodings import PcmEncoding
from server.context import ANY_ROOM, ContextRoom, ContextTooLong, context_of
from server.live.vocabulary.actions import SetFormat
from server.live.vocabulary.turn_detection import TurnDetection
from server.protocols.openai.realtime.errors import EventError
from server.protocols.openai.realtime.schemas import (
    HYPOTHESIS,
    LOGPROBS,
    AudioFormat,
    Eagerness,
    NoiseReduction,
    SessionFields,
    SessionKind,
    Transcription,
    TurnDetectionFields,
)

SEMANTIC_SILENCE: dict[Eagerness, float] = {"low": 2.0, "medium": 1.0, "high": 0.5, "auto": 1.0}
"""Seconds of silence that end a turn with ``semantic_vad``, by eagerness.

OpenAI's own looks at the words and waits up to 8, 4 or 2 s when a sentence seems unfinished. Here only silence counts,
so it lies between that and the short wait behind a finished sentence.
"""

WITHOUT_TURNS = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""How names of OpenAI's begin whose sessions find no turns: clients leave the field out for them, and commit."""

_ENCODINGS = {
    "audio/pcm": PcmEncoding.LINEAR16,
    "audio/pcmu": PcmEncoding.MULAW,
    "audio/pcma": PcmEncoding.ALAW,
}
_LEGACY_NAMES = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}
_G711_RATE = 8_000
_SERVER_VAD = {"threshold", "prefix_padding_ms", "silence_duration_ms", "idle_timeout_ms"}
NO_SECRET: Final[Mapping[str, Any]] = MappingProxyType({"value": "", "expires_at": 0})
"""Stands where the schema has a secret and there is none."""


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Everything a client may set.

    Attributes:
        model: the name that is echoed while the client gives no other.
        kind: as which OpenAI's API would have the session; it transcribes all the same.
        flat: the client writes the beta's form, and reads it too.
        turns_named: it has said how turns are to be found; while it has not, that goes by the name of the model.
        realtime_model: the name of a model that answers, echoed to a client that means to have one.
    """

    model: str
    kind: SessionKind = "transcription"
    flat: bool = False
    format: AudioFormat = field(default_factory=AudioFormat)
    transcription: Transcription = field(default_factory=Transcription)
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetectionFields | None = field(default_factory=TurnDetectionFields)
    turns_named: bool = False
    include: list[str] | None = None
    realtime_model: str | None = None

    def updated(self, fields: SessionFields, room: ContextRoom = ANY_ROOM) -> SessionConfig:
        """This with what the client named. Raises EventError for a prompt that ``room`` is too small for."""
        updated = replace(self, kind=fields.type or self.kind, flat=self.flat or fields.flat)
        if fields.type == "realtime" and fields.model is not None:
            updated = replace(updated, realtime_model=fields.model)
        for name, value in fields.named():
            updated = replace(updated, **{name: _merged(name, getattr(updated, name), value)})
            if name == "turn_detection":
                updated = replace(updated, turns_named=True)
        if not updated.turns_named:
            found = not updated.wanted_model.startswith(WITHOUT_TURNS)
            updated = replace(updated, turn_detection=TurnDetectionFields() if found else None)
        try:
            room.check(context_of(*updated._context_parts))
        except ContextTooLong as error:
            raise EventError(
                f"prompt and keywords together {error.limit}.",
                code="context_too_long",
                param="session.audio.input.transcription.prompt",
            ) from None
        return updated

    @property
    def wanted_model(self) -> str:
        """The name in the client's configuration of the transcription, or else that in its query."""
        return self.transcription.model or self.model

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
        return TurnDetection(
            fields.threshold,
            fields.prefix_padding_ms / 1000,
            fields.silence_duration_ms / 1000,
            None if fields.idle_timeout_ms is None else fields.idle_timeout_ms / 1000,
        )

    @property
    def context(self) -> str | None:
        """What the model's prompt says beside the task: keywords one per line, as in training, then the prompt."""
        return context_of(*self._context_parts)

    @property
    def _context_parts(self) -> tuple[str, ...]:
        return (*(self.transcription.keywords or ()), self.transcription.prompt or "")

    @property
    def logprobs(self) -> bool:
        """The client wants to know how probable the words were."""
        return LOGPROBS in (self.include or ())

    @property
    def hypotheses(self) -> bool:
        """The client wants to see words that may still change."""
        return HYPOTHESIS in (self.include or ())

    @property
    def sounds(self) -> bool:
        """The client wants to be told of sounds that are no speech."""
        return self.transcription.tag_audio_events is True

    def echo(self, session_id: str) -> dict[str, Any]:
        """The session as ``session.updated`` tells it: as the kind that the client says it is, the beta's fields too
        where it uses them.
        """
        audio_input = {
            "format": self._format(),
            "transcription": self._transcription(),
            **self._noise_reduction("noise_reduction"),
            "turn_detection": self._turn_detection(),
        }
        return {
            "id": session_id,
            **self._kind(),
            "type": self.kind,
            "audio": {"input": audio_input},
            **self._include(),
            **(self._flat() | {"turn_detection": self._turn_detection()} if self.flat else {}),
        }

    def flat_echo(self, session_id: str, client_secret: Mapping[str, Any] = NO_SECRET) -> dict[str, Any]:
        """The same as the beta's API has it, in ``transcription_session.updated`` and where it makes client secrets.

        ``client_secret``: its clients may not do without.
        """
        turns = self._turn_detection()
        return {
            "id": session_id,
            **self._kind(),
            **self._flat(),
            **({} if turns is None else {"turn_detection": turns}),  # the schema has no null
            **self._include(),
            "client_secret": dict(client_secret),
        }

    def _kind(self) -> dict[str, Any]:
        """What only one kind of session has."""
        if self.kind == "transcription":
            return {"object": "realtime.transcription_session"}
        return {"object": "realtime.session", "model": self.realtime_model or self.model, "output_modalities": ["text"]}

    def _flat(self) -> dict[str, Any]:
        return {
            "modalities": ["text"],
            "input_audio_format": _LEGACY_NAMES[self.format.type],
            "input_audio_transcription": self._transcription(),
            **self._noise_reduction("input_audio_noise_reduction"),
        }

    def _include(self) -> dict[str, Any]:
        return {} if self.include is None else {"include": self.include}

    def _format(self) -> dict[str, Any]:
        return {"type": self.format.type} | ({"rate": self.format.rate} if self.format.type == "audio/pcm" else {})

    def _transcription(self) -> dict[str, Any]:
        return {"model": self.model} | self.transcription.model_dump(exclude_none=True)

    def _noise_reduction(self, name: str) -> dict[str, Any]:
        """The field of this name; none where there is no reduction: the schema has no null."""
        return {} if self.noise_reduction is None else {name: self.noise_reduction.model_dump(exclude_none=True)}

    def _turn_detection(self) -> dict[str, Any] | None:
        if self.turn_detection is None:
            return None
        semantic = self.turn_detection.type == "semantic_vad"
        other = _SERVER_VAD if semantic else {"eagerness"}
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
