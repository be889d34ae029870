"""Requests for jobs: accepted, and each shown to its owner alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from http import HTTPStatus
from typing import BinaryIO, Final

from fastapi.responses import JSONResponse
from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from server.http.auth.callers import caller_of
from server.http.errors import ApiError, invalid
from server.http.job_host import served
from server.http.recording_requests import Received
from server.http.service import service_of
from server.jobs.job import Job, NewJob
from server.jobs.jobs import Jobs
from server.jobs.objects import JsonObject, job_object
from server.protocols.openai.request_values import NOTHING, MaybeFlag
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.traceparent import current
from server.tracing.tracer import ending

IDEMPOTENCY_KEY: Final = "idempotency-key"
REPLAYED: Final = "idempotency-replayed"
_LONGEST_KEY: Final = 255
_ASKED: Final = TypeAdapter[bool | None](MaybeFlag)
_AT_ONCE: Final = 1 << 20


def asks_for_job(request: Request) -> bool:
    """Whether the query says so, which is known before the body. Raises the 400 of what is neither yes nor no."""
    told = request.query_params.get("background", "")
    try:
        return bool(_ASKED.validate_python(None if told.strip().lower() in NOTHING else told))
    except ValidationError as error:
        raise invalid("background", f"background: {error.errors()[0]['msg']}.") from None


def jobs_of(request: Request) -> Jobs:
    """The jobs of this server. Raises the 404 of one that has none."""
    jobs = service_of(request.scope).jobs
    if jobs is None:
        raise ApiError(
            HTTPStatus.NOT_FOUND,
            "This server takes no jobs: its operator has given it no --jobs-folder.",
            code="jobs_not_enabled",
        )
    return jobs


def owner_of(request: Request) -> str:
    """Whose jobs a request is about."""
    return caller_of(request.scope).digest.hex()


async def job_of(request: Request, job_id: str) -> Job:
    """The caller's job of this id. Raises ApiError, NoSuchJob, JobElsewhere."""
    return await jobs_of(request).get(job_id, owner_of(request))


def shown(request: Request, job: Job) -> JsonObject:
    """A job as its owner sees it."""
    return job_object(job, jobs_of(request).clock(), request.scope.get("root_path", ""))


async def accept_job(request: Request, received: Received[TranscriptionParameters]) -> JSONResponse:
    """The 202 of a job that outlives this server from now on.

    Raises what `to_api_error` knows.
    """
    jobs, upload = jobs_of(request), received.upload
    parameters = upload.details
    if parameters.webhook_url is not None:
        jobs.sender.receivers.read(parameters.webhook_url)
    written = parameters.model_dump_json(exclude_unset=True)
    key = _idempotency_key(request)
    new = NewJob(
        owner=owner_of(request),
        model=served(service_of(request.scope).settings),
        parameters=written,
        digest="" if key is None else await run_in_threadpool(_digest, upload.file, written),
        urgent=received.urgent,
        filename=upload.filename,
        idempotency_key=key,
        webhook_url=parameters.webhook_url,
    )
    received.spans.received()
    tracer = service_of(request.scope).tracer
    with ending(tracer.start("job.accept", current.get())) as span:
        new = replace(new, trace=span.traceparent or current.get())
        job, is_new = await jobs.accept(new, upload.file)
    request.state.log["job"] = job.id
    told = shown(request, job)
    headers = {"location": f"{request.scope.get('root_path', '')}/v1/jobs/{job.id}"}
    return JSONResponse(told, HTTPStatus.ACCEPTED, headers if is_new else headers | {REPLAYED: "true"})


def _idempotency_key(request: Request) -> str | None:
    """The header of draft-ietf-httpapi-idempotency-key-header, with or without the quotes that it has there."""
    key = request.headers.get(IDEMPOTENCY_KEY, "").strip().strip('"')
    if len(key) > _LONGEST_KEY:
        raise invalid(IDEMPOTENCY_KEY, f"{IDEMPOTENCY_KEY} may have {_LONGEST_KEY} characters.")
    return key or None


def _digest(file: BinaryIO, parameters: str) -> str:
    whole = hashlib.sha256(parameters.encode())
    file.seek(0)
    while part := file.read(_AT_ONCE):
        whole.update(part)
    return whole.hexdigest()
