"""The server as jobs see it: they are admitted, counted, charged and logged as requests are."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from time import perf_counter, time
from typing import BinaryIO, Protocol

from server.engine.client.admission import Admission
from server.engine.client.engine import Engine, EngineState
from server.http.auth.callers import Keys
from server.http.errors import ApiError, to_api_error
from server.http.model_names import check_model
from server.http.recording_figures import observe
from server.http.recording_spans import TranscriptionSpan
from server.jobs.folder import JobFolder
from server.jobs.job import Job, JobError
from server.jobs.jobs import Jobs
from server.jobs.limits import JobLimits
from server.jobs.webhooks.receivers import Receivers
from server.jobs.webhooks.sender import Sender
from server.metrics.metrics import Metrics
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.protocols.openai.transcription_wishes import transcription_wishes
from server.recordings.begun import Begun
from server.recordings.recordings import Recordings
from server.recordings.transcription import Transcription
from server.settings import Settings
from server.tracing.tracer import Attribute, Tracer, working_for

logger = logging.getLogger("server.jobs")

_SECONDS_IN_AN_HOUR = 3600.0


class Parts(Protocol):
    """What jobs need of the service."""

    @property
    def settings(self) -> Settings: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def recordings(self) -> Recordings: ...
    @property
    def tracer(self) -> Tracer: ...
    async def wait_ready(self) -> None: ...


def open_jobs(place: Path, parts: Parts) -> Jobs:
    """The jobs in the folder ``place``; not for the event loop. Raises OSError, sqlite3.Error, WrongSchema."""
    settings = parts.settings
    folder = JobFolder(place, served(settings), time, keeps_recordings=settings.keep_job_recordings)
    limits = JobLimits(
        running=settings.max_jobs_running,
        queued=settings.max_jobs_queued,
        octets=folder.store.held() + settings.jobs_budget(place),
        retention_seconds=_SECONDS_IN_AN_HOUR * settings.job_retention_hours,
    )
    receivers = Receivers(settings.webhook_hosts, private=settings.webhook_private_addresses)
    sender = Sender(receivers, settings.webhook_keys, time, parts.tracer)
    return Jobs(folder, JobHost(parts), limits, sender, time, settings.jobs_name)


def served(settings: Settings) -> str:
    """The model, as jobs know it: one that another one has to do is left to it."""
    return settings.model if settings.revision is None else f"{settings.model}@{settings.revision}"


class JobHost:
    """A `Host`. Jobs have places of their own in front of the engine, so that they take none from requests."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._admission = Admission(max_requests=parts.settings.max_jobs_running, max_audio_seconds=math.inf)

    async def wait_ready(self) -> None:
        """See Host."""
        await self._parts.wait_ready()

    def has_room(self) -> bool:
        """See Host."""
        engine = self._parts.engine
        return engine.state is EngineState.READY and engine.admission.requests < self._parts.settings.max_requests

    @asynccontextmanager
    async def transcription(self, job: Job, file: BinaryIO, begun: Begun) -> AsyncIterator[Transcription]:
        """See Host."""
        parts = self._parts
        account = parts.keys.account_of(bytes.fromhex(job.owner))
        if account is None:
            raise ApiError(HTTPStatus.UNAUTHORIZED, "The API key of this job no longer exists.", code="invalid_api_key")
        parameters = TranscriptionParameters.model_validate_json(job.parameters)
        adapter = check_model(parameters.model, parts.settings)
        wishes = replace(await asyncio.to_thread(transcription_wishes, parameters), background=True, adapter=adapter)

        def charge(seconds: float, *, late: bool = False) -> None:
            """What was heard by an earlier try is charged already."""
            account.charge(max(0.0, seconds - job.done_seconds), late=late)

        with (
            account.request(),
            self._admission.enter(charge=charge) as ticket,
            _traced(parts.tracer, job) as span,
        ):
            decoding = perf_counter()
            opening = parts.recordings.transcription(file, wishes, ticket=ticket, request_id=job.id, begun=begun)
            async with opening as transcription:
                span.opened(transcription, decoding)
                log: dict[str, object] = {"job": job.id}
                began = perf_counter()
                try:
                    yield transcription
                finally:
                    observe(transcription, parts.metrics, log, None)
                    log["seconds"] = round(perf_counter() - began, 3)
                    logger.info("a try at a job", extra={"fields": log})

    def explain(self, error: Exception) -> JobError:
        """See Host."""
        told = to_api_error(error)
        return JobError(told.code or "internal_error", told.message, told.param, told.retry_after)

    def ended(self, job: Job) -> None:
        """See Host."""
        metrics = self._parts.metrics
        metrics.jobs.labels(job.status.value).inc()
        if job.finished_at is not None:
            metrics.job_duration.observe(job.finished_at - job.created_at)
        fields: dict[str, object] = {"job": job.id, "status": job.status.value, "segments": job.segments}
        if job.error is not None:
            fields["code"] = job.error.code
        logger.info("a job ended", extra={"fields": fields})


@contextmanager
def _traced(tracer: Tracer, job: Job) -> Iterator[TranscriptionSpan]:
    """A try at a job as a trace of its own, linked to the request that brought it: that one is long over."""
    attributes: dict[str, Attribute] = {
        "asr.job": job.id,
        "asr.job_segments": job.segments,
        "asr.job_failures": job.failures,
    }
    span = tracer.start("job.run", None, follows=job.trace, attributes=attributes)
    told = TranscriptionSpan(tracer, span)
    failure: str | None = None
    try:
        with working_for(span, job.trace):
            yield told
    except BaseException as error:
        failure = type(error).__name__
        raise
    finally:
        told.end(failure)
