"""What a stream is opened for, by which worker it is had, and what it took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from model.seam.audio import Samples
from model.seam.streams import StreamSpec
from server.engine.client.process import CHUNK_SAMPLES, WorkerProcess
from server.engine.client.source import AudioSource


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a stream is opened for; see ``Engine.open``.

    Attributes:
        hop: samples in one frame of the model.
        trace: see ``OpenStream``.
    """

    spec: StreamSpec
    request_id: str
    hop: int
    source: AudioSource | None = None
    fingerprint: str | None = None
    trace: str | None = None


class Link(NamedTuple):
    """A worker that has the stream, and the stream's number there."""

    worker: WorkerProcess
    number: int


@dataclass(frozen=True, slots=True)
class StreamWork:
    """What the answers of a stream took together. Monotonic seconds.

    Attributes:
        audio_tokens, prompt_tokens: see ``AnswerDone``.
        started: it had a place, and all its audio.
        ended: it was answered.
    """

    audio_tokens: int
    prompt_tokens: int
    started: float
    ended: float


def chunks(samples: Samples) -> Iterator[Samples]:
    """Views of at most ``CHUNK_SAMPLES``."""
    for first in range(0, samples.size, CHUNK_SAMPLES):
        yield samples[first : first + CHUNK_SAMPLES].astype("<f4", copy=False)
