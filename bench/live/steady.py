"""A live session as fast as its device is, with the updates of one that is fed at wall-clock speed to an idle device.

The session hears its next piece when everything due for the last one is done. So the number of updates depends on the
audio alone, and what they cost can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.live.engine import settled_stats
from bench.live.session import CHUNK
from bench.live.windows import ObservedWindows
from model.seam.audio import SAMPLE_RATE, Samples
from server.engine.client.engine import Engine
from server.live.captions.captions import Captions
from server.live.ears.gate import GatedAudio
from server.live.ears.listener import Listener, Quiet
from server.live.settings import LiveSettings
from server.transcript.detokenizer import Vocabulary


@dataclass(frozen=True, slots=True)
class Stretch:
    """What some of a session's audio cost.

    Attributes:
        pages: of the KV cache, held at most.
        worker_bytes: the worker's resident memory at the end.
    """

    audio_seconds: float
    updates: int
    steps: int
    device_seconds: float
    pages: int
    worker_bytes: int

    @property
    def seconds_per_update(self) -> float:
        return self.device_seconds / self.updates

    @property
    def seconds_per_audio_second(self) -> float:
        return self.device_seconds / self.audio_seconds


class SteadySession:
    """One session on an engine that has nothing else to do. ``close`` ends it."""

    def __init__(self, engine: Engine, vocabulary: Vocabulary, windows: type[ObservedWindows]) -> None:
        settings = LiveSettings()
        self._engine = engine
        self._listener = Listener(silence=settings.silence, release=settings.release)
        self._windows = windows(engine, vocabulary, settings, "steady")
        self._captions = Captions(
            self._windows, update=settings.update, first_speech=settings.first_speech, settle=settings.settle
        )

    async def hear(self, samples: Samples) -> Stretch:
        """The next audio. Raises EngineError."""
        before = await settled_stats(self._engine)
        self._windows.updates.clear()
        pages = 0
        for first in range(0, samples.size, CHUNK):
            await self._hear(samples[first : first + CHUNK])
            pages = max(pages, self._engine.stats.pages_used if self._engine.stats else 0)
        after = await settled_stats(self._engine)
        return Stretch(
            samples.size / SAMPLE_RATE,
            len(self._windows.updates),
            after.done.steps - before.done.steps,
            after.done.busy_seconds - before.done.busy_seconds,
            max(pages, after.pages_used),
            _resident_bytes(self._engine.worker_pid),
        )

    async def close(self) -> None:
        """Give the device's memory back."""
        self._captions.close()

    async def _hear(self, piece: Samples) -> None:
        for found in await self._listener.hear(piece):
            match found:
                case GatedAudio():
                    await self._captions.take(found.block, found.speech)
                case Quiet(long):
                    await self._captions.settle()
                    if long:
                        self._captions.close()
                case _:
                    pass
        if self._captions.due:
            await self._captions.update()


def _resident_bytes(process: int | None) -> int:
    """Memory of a process. Linux only: it reads ``/proc``."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return next(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
