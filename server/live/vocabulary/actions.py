"""What a protocol's state machine wants done: the whole vocabulary between it and the WebSocket around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.audio_in.encodings import Encoding
from server.live.vocabulary.flush import FlushId
from server.live.vocabulary.turn_detection import TurnDetection


@dataclass(frozen=True, slots=True)
class Send:
    """Send a JSON text frame."""

    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SetFormat:
    """From now on audio is raw and of this kind; audio heard before keeps its own. ``encoding`` None: a container.

    ``split``: each channel is transcribed for itself, and events say of which they are; otherwise they are mixed.
    """

    encoding: Encoding | None
    rate: int = 24_000
    channels: int = 1
    split: bool = False


@dataclass(frozen=True, slots=True)
class Hear:
    """The next audio bytes in the present format."""

    audio: bytes


@dataclass(frozen=True, slots=True)
class SetTurns:
    """Detect turns like this from now on, or not at all."""

    turns: TurnDetection | None


@dataclass(frozen=True, slots=True)
class SetContext:
    """Hotwords or background text for the prompt from the next window on; None for none."""

    context: str | None


@dataclass(frozen=True, slots=True)
class SetAdapter:
    """The adapter with which the model hears from the next window on; None: as it is."""

    adapter: str | None


@dataclass(frozen=True, slots=True)
class SetLogprobs:
    """From the next answer of the model on, committed words come with the log-probabilities of their tokens, or not."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class SetSounds:
    """From now on the model hears what is loud enough though nobody speaks, and sounds are told, or not."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class Flush:
    """Commit everything heard so far; ``Flushed`` with this id follows. Nobody asks twice under one id."""

    id: FlushId


@dataclass(frozen=True, slots=True)
class Discard:
    """Forget the audio heard since the last flush. Its words, if any were not committed, will not come."""


@dataclass(frozen=True, slots=True)
class Finish:
    """No more audio comes: flush, and end the session with ``Finished``."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection after everything sent before; nothing may follow."""

    code: int = 1000
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with the session that these were made for, before any audio.

    ``audio_start``: seconds of that session at which the client's audio begins; None: where the token says.
    """

    token: str
    voices: str | None = None
    audio_start: float | None = None


Setting = SetTurns | SetContext | SetAdapter | SetLogprobs | SetSounds
"""How the session is to be transcribed from now on."""

Action = Send | SetFormat | Hear | Setting | Flush | Discard | Finish | Resume | Close
