"""What a session needs of the thing that transcribes it, and how one is made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Protocol, Self

from model.seam.audio import Samples
from server.engine.client.engine import Engine
from server.live.ears.turns import TurnDetection
from server.live.settings import LiveSettings
from server.live.transcriber import LiveTranscriber
from server.live.vocabulary.events import LiveEvent
from server.transcript.detokenizer import Vocabulary


class Transcriber(Protocol):
    """Turns the audio of one session into its events. Leaving its context ends what runs for it."""

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

    def flush(self) -> None:
        """Commit all that was heard; ``Flushed`` follows."""
        ...

    def discard(self) -> None:
        """Forget what was heard since the last flush."""
        ...

    def finish(self) -> None:
        """No more audio comes; ``Finished`` is the last event."""
        ...

    def __aiter__(self) -> AsyncIterator[LiveEvent]:
        """The events, to ``Finished``. Raises EngineError."""
        ...


TranscriberFactory = Callable[[Engine, Vocabulary, LiveSettings, str], Transcriber]
"""Engine, vocabulary, settings, request id → the transcriber of a new session."""


def make_transcriber(engine: Engine, vocabulary: Vocabulary, settings: LiveSettings, request_id: str) -> Transcriber:
    """The one over the model."""
    return LiveTranscriber(engine, vocabulary, settings, request_id=request_id)
