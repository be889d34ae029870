"""What a stream is opened for, by which worker it is had, and what it took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import monotonic
from typing import NamedTuple

from model.family import Geometry
from model.seam.audio import Samples
from model.seam.runner import RunnerInfo
from model.seam.streams import StreamSpec
from server.engine.budget import work_seconds
from server.engine.client.process import CHUNK_SAMPLES, WorkerProcess
from server.engine.client.source import AudioSource
from server.engine.messages import AnswerDone, EndReason


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a stream is opened for; see ``Engine.open``.

    Attributes:
        geometry: how the family cuts audio.
        trace: see ``OpenStream``.
    """

    spec: StreamSpec
    request_id: str
    geometry: Geometry
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

    def cost(self, info: RunnerInfo) -> float:
        """See ``budget.work_seconds``."""
        prompt = max(0, self.prompt_tokens - self.audio_tokens - info.family.prompt_tokens)
        return work_seconds(info.family, info.geometry.seconds(self.audio_tokens), prompt)


class WorkMeter:
    """Measures that, from the first answer's start: all of it was one work, if nothing came between."""

    def __init__(self, *, resumed: bool = False) -> None:
        """``resumed``: most of the work was done before."""
        self._work: StreamWork | None = None
        self._answered = False
        self._undisturbed = not resumed

    @property
    def work(self) -> StreamWork | None:
        """None where it was not answered, audio came in between, or a worker was lost on the way."""
        return self._work if self._answered and self._undisturbed else None

    def appended(self) -> None:
        """Audio came."""
        self._undisturbed = self._undisturbed and self._work is None

    def answered(self, done: AnswerDone, *, whole: bool) -> None:
        """An answer is over. ``whole``: one worker wrote it."""
        now = monotonic()
        started = now - (done.total_seconds - done.queue_seconds) if self._work is None else self._work.started
        self._work = StreamWork(done.audio_tokens, done.prompt_tokens, started, now)
        self._answered = done.reason is not EndReason.CROPPED
        self._undisturbed = self._undisturbed and whole


def as_a_whole(done: AnswerDone, *, given: int, began: float, first_token: float | None) -> AnswerDone:
    """The end of an answer to which more than one worker has contributed, with all that it cost.

    ``given``: all its tokens. ``began``, ``first_token``: monotonic seconds.
    """
    now = monotonic()
    return replace(
        done,
        answer_tokens=given,
        first_token_seconds=(now if first_token is None else first_token) - began,
        total_seconds=now - began,
    )


def chunks(samples: Samples) -> Iterator[Samples]:
    """Views of at most ``CHUNK_SAMPLES``."""
    for first in range(0, samples.size, CHUNK_SAMPLES):
        yield samples[first : first + CHUNK_SAMPLES].astype("<f4", copy=False)
