"""What the Pipecat scripts share: a pipeline of one service, fed by a microphone that stays open."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio
import time
from collections import Counter

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.services.stt_service import STTService
from pipecat.workers.runner import WorkerRunner

from tests.conformance.live.clients.common import Recording, tell

SETTLED = 2.0
"""Seconds of silence after which the last turn has surely ended for every ear."""
QUIET = 10.0
"""Seconds without any news after which no more is waited for."""
KINDS: dict[type[Frame], str] = {
    InterimTranscriptionFrame: "interim",
    TranscriptionFrame: "final",
    ProposedUserStartedSpeakingFrame: "started",
    ProposedUserStoppedSpeakingFrame: "stopped",
    VADUserStartedSpeakingFrame: "started",
    VADUserStoppedSpeakingFrame: "stopped",
}


class Listener:
    """A pipeline with ``service`` in it; with ``local_vad`` Pipecat's own detector tells it where turns end."""

    def __init__(self, service: STTService, recording: Recording, *, local_vad: bool) -> None:
        self._recording = recording
        self._seen: Counter[str] = Counter()
        self._news = time.monotonic()
        ears = [VADProcessor(vad_analyzer=SileroVADAnalyzer())] if local_vad else []
        self._worker = PipelineWorker(
            Pipeline([*ears, service]),
            params=PipelineParams(audio_in_sample_rate=recording.rate),
            cancel_on_idle_timeout=False,
        )
        self._started = asyncio.Event()
        self._worker.set_reached_downstream_filter(tuple(KINDS))
        self._worker.add_event_handler("on_frame_reached_downstream", self._hear)
        self._worker.add_event_handler("on_pipeline_started", self._start)
        self._worker.add_event_handler("on_pipeline_error", self._fail)

    async def run(self) -> None:
        runner = WorkerRunner()
        await runner.add_workers(self._worker)
        await asyncio.gather(runner.run(), self._speak())
        tell("ended")

    async def _speak(self) -> None:
        await self._started.wait()
        async for chunk in self._recording.spoken(silence=SETTLED):
            await self._push(chunk)
        async for chunk in self._recording.silence():
            answered = self._seen["stopped"] and self._seen["final"] == self._seen["stopped"]
            if answered or time.monotonic() > self._news + QUIET:
                break
            await self._push(chunk)
        await self._worker.queue_frame(EndFrame())

    async def _push(self, chunk: bytes) -> None:
        await self._worker.queue_frame(
            InputAudioRawFrame(audio=chunk, sample_rate=self._recording.rate, num_channels=1)
        )

    async def _start(self, _worker: PipelineWorker, _frame: Frame) -> None:
        self._started.set()

    async def _hear(self, _worker: PipelineWorker, frame: Frame) -> None:
        kind = KINDS[type(frame)]
        self._seen[kind] += 1
        self._news = time.monotonic()
        if isinstance(frame, InterimTranscriptionFrame | TranscriptionFrame):
            tell(kind, text=frame.text)
        else:
            tell(kind)

    async def _fail(self, _worker: PipelineWorker, frame: ErrorFrame) -> None:
        tell("error", message=frame.error)
