"""What a session needs of the thing that transcribes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Protocol, Self

from model.seam.audio import Samples
from server.live.vocabulary.events import SessionEvent
from server.live.vocabulary.flush import FlushId
from server.live.vocabulary.resumption import Place, Voices
from server.live.vocabulary.turn_detection import TurnDetection


class Transcriber(Protocol):
    """Turns the audio of one session into its events. Leaving its context ends what runs for it."""

    @property
    def backlog(self) -> float:
        """Seconds of audio that wait for the model."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def hear(self, samples: Samples) -> None:
        """The next audio: [n], mono, 24 kHz. Waits while too much is behind. Raises EngineError."""
        ...

    def set_turns(self, turns: TurnDetection | None) -> None:
        """Detect turns like this from now on, or not at all."""
        ...

    def set_context(self, context: str | None) -> None:
        """Hotwords or background text from the next window on."""
        ...

    def set_adapter(self, adapter: str | None) -> None:
        """The adapter with which the model hears from the next window on; None: as it is."""
        ...

    def set_logprobs(self, wanted: bool) -> None:
        """Tell log-probabilities with committed words from the model's next answer on, or not."""
        ...

    def set_sounds(self, wanted: bool) -> None:
        """Let the model hear what is loud enough though nobody speaks, and tell sounds, or not."""
        ...

    def set_resumable(self) -> None:
        """From now on ``Checkpoint`` follows whatever is told."""
        ...

    def checkpoint(self) -> None:
        """Tell a ``Checkpoint``, behind all that was told so far."""
        ...

    def resume(self, place: Place, voices: Voices, at: float, flushes: Sequence[tuple[float, FlushId]]) -> None:
        """Go on from a place of another session, before any audio and when the settings are set.

        ``at``: seconds of that session at which the audio begins that comes. ``flushes``: asked for by the protocol
        and not answered; each when the audio reaches so many seconds of the session.
        """
        ...

    def flush(self, flush: FlushId) -> None:
        """Commit all that was heard; ``Flushed`` with this id follows."""
        ...

    def discard(self) -> None:
        """Forget what was heard since the last flush."""
        ...

    def finish(self) -> None:
        """No more audio comes; ``Finished`` is the last event."""
        ...

    def __aiter__(self) -> AsyncIterator[SessionEvent]:
        """The events, to ``Finished``. Raises EngineError."""
        ...
