"""A job's events as server-sent events: those of a streamed answer, each with a number, and how far the job is.

A job tells whole segments, for what was told is on the disk, and no restart takes it back. The segment in place n has
the numbers 2 n + 1 (its words) and 2 n + 2 (who said them when); the end has the next odd one. So whatever format is
asked for, and whichever process answers, the same event has the same number.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import Final

from server.http.errors import ApiError
from server.http.long_json import encoded
from server.http.writing import written
from server.jobs.following import Told
from server.jobs.job import Job, JobStatus
from server.jobs.objects import OBJECT, progress_object
from server.jobs.writing import KeptSegment
from server.protocols.openai.events import OpenAIEvents
from server.protocols.openai.response_format import ResponseFormat
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.transcript.events import SegmentClosed, SpeechDelta

_RETRY: Final = b"retry: 1000\n"
"""Milliseconds after which a client that lost the stream asks again."""
_ENCODER: Final = json.JSONEncoder()
_GONE: Final = 410


def last_number(job: Job) -> int:
    """Of the event with which a job that has ended ends."""
    return 2 * job.segments + 1


async def job_events(
    following: AsyncGenerator[Told, None],
    parameters: TranscriptionParameters,
    after: int,
    clock: Callable[[], float],
) -> AsyncGenerator[bytes, None]:
    """Frames of the events behind number ``after``."""
    teller = _Teller(parameters, after)
    async with aclosing(following) as all_told:
        async for told in all_told:
            for frame in teller.segments(told):
                yield frame
            yield _RETRY + teller.progress(told.job, clock())
            if (transcript := told.transcript) is not None:
                events, number = teller.events, teller.number + 1
                yield await written(transcript, lambda: _frame(number, events.done(transcript)))  # noqa: B023 - awaited
            elif told.job.status.ended:
                yield _frame(teller.number + 1, error_of(told.job).envelope)


def error_of(job: Job) -> ApiError:
    """Why there is no transcript of a job that has ended without, or has not ended."""
    match job.status:
        case JobStatus.FAILED if job.error is not None:
            return ApiError(409, job.error.message, code=job.error.code, param=job.error.param)
        case JobStatus.CANCELLED:
            return ApiError(409, "The job was cancelled.", code="job_cancelled")
        case JobStatus.EXPIRED:
            return ApiError(_GONE, "The result of this job is no longer kept.", code="job_expired")
        case status:
            return ApiError(409, f"The job is not done: it is {status.value}.", code="job_not_completed")


class _Teller:
    """Makes the frames of one job's events. ``number``: of the last event that there was."""

    def __init__(self, parameters: TranscriptionParameters, after: int) -> None:
        self.number = 0
        self._after = after
        self._names: dict[int, str] = {}
        self._spoken = False
        self._parameters = parameters
        self._events: OpenAIEvents | None = None

    @property
    def events(self) -> OpenAIEvents:
        assert self._events is not None
        return self._events

    def segments(self, told: Told) -> Iterator[bytes]:
        """What is new, as far as it is asked for: the others only decide what speakers are called."""
        self._names.update(told.job.speaker_names)
        if self._events is None and (told.segments or told.job.status.ended):  # the channels are known by now
            self._events = OpenAIEvents(
                diarized=self._parameters.response_format is ResponseFormat.DIARIZED_JSON,
                logprobs=bool(self._parameters.include),
                speaker_names=self._names,
                channels=told.job.channels,
                audio_events=self._parameters.shows_audio_events,
                waveform=self._parameters.waveform,
            )
        for place, kept in enumerate(told.segments, told.first):
            words, closed = self._objects(kept)
            for number, event in ((2 * place + 1, words), (2 * place + 2, closed)):
                self.number = number
                if event is not None and number > self._after:
                    yield _frame(number, event)

    def _objects(self, kept: KeptSegment) -> tuple[Mapping[str, object] | None, Mapping[str, object] | None]:
        segment = kept.segment
        closed = next(iter(self.events.progress([SegmentClosed(segment)])), None)
        if not segment.is_speech:
            return None, closed
        text = " " * self._spoken + segment.text
        self._spoken = True
        (words,) = self.events.progress([SpeechDelta(segment.index, text, (segment.start, segment.end), kept.logprobs)])
        return words, closed

    def progress(self, job: Job, now: float) -> bytes:
        """How far it is. It has the number of the event before: who asks for what is behind that misses nothing."""
        event = {"type": f"{OBJECT}.progress", "status": job.status.value, "progress": progress_object(job, now)}
        return _frame(max(self.number, self._after), event)


def _frame(number: int, event: Mapping[str, object]) -> bytes:
    name = event.get("type", "error")
    return f"id: {number}\nevent: {name}\ndata: {encoded(event, _ENCODER)}\n\n".encode("ascii")
