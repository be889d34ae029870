"""``/v1/jobs``: what became of recordings that were accepted with ``background=true``."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import PlainTextResponse

from server.http.answers import answer, noted
from server.http.errors import ApiError, invalid
from server.http.event_stream import EventStream
from server.http.file_ranges import FileResponse
from server.http.job_events import error_of, job_events, last_number
from server.http.job_requests import job_of, jobs_of, owner_of, shown
from server.http.openapi import JOB, JOB_AUDIO, JOB_CANCELLED, JOB_DELETED, JOB_EVENTS, JOB_RESULT, JOBS
from server.http.service import service_of
from server.http.writing import written
from server.jobs.job import Job, JobStatus
from server.jobs.objects import OBJECT
from server.protocols.openai.diarization_request import DiarizationFormat, DiarizationParameters, recording_name
from server.protocols.openai.recording_request import parameters_from_form, parameters_over
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.transcript.formats import render_rttm
from server.transcript.segments import Transcript
from server.transcript.turns import turns

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_Id = Annotated[str, Path(description="Of the job.", examples=["job_0123456789abcdef01234567"])]
_OF_FORMAT = frozenset({"include", "timestamp_granularities", "waveform"})
"""Parameters that mean something with one format alone."""


@router.get("", summary="List jobs", openapi_extra=JOBS)
async def list_jobs(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 20,
    after: Annotated[str | None, Query(description="The id of the last job of the page before.")] = None,
    order: Annotated[Literal["asc", "desc"], Query(description="desc: the newest first.")] = "desc",
    status: Annotated[JobStatus | None, Query(description="Only those of this status.")] = None,
) -> dict[str, Any]:
    """The caller's jobs, page by page, in OpenAI's list."""
    jobs, more = await jobs_of(request).listed(
        owner_of(request), most=limit, behind=after, newest_first=order == "desc", status=status
    )
    data = [shown(request, job) for job in jobs]
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": more}


@router.get("/{job_id}", summary="How far is a job?", openapi_extra=JOB)
async def retrieve_job(request: Request, job_id: _Id) -> dict[str, Any]:
    """A job as it stands."""
    return shown(request, await job_of(request, job_id))


@router.get("/{job_id}/events", summary="Follow a job", response_class=Response, openapi_extra=JOB_EVENTS)
async def follow_job(request: Request, job_id: _Id) -> Response:
    """The events of a streamed answer and how far the job is, from the first or behind ``Last-Event-ID``."""
    job = await job_of(request, job_id)
    told = request.headers.get("last-event-id", "").strip() or "0"
    if not (told.isascii() and told.isdecimal() and len(told) < 12):
        raise invalid("last-event-id", "Last-Event-ID has to be the id of an event of this job.")
    if job.status.ended and int(told) >= last_number(job):
        return Response(status_code=HTTPStatus.NO_CONTENT)  # or EventSource would ask again for ever
    jobs = jobs_of(request)
    return EventStream(
        job_events(jobs.follow(job), _parameters(request, job), int(told), jobs.clock),
        heartbeat_seconds=service_of(request.scope).settings.heartbeat_seconds,
        resources=AsyncExitStack(),
    )


@router.get("/{job_id}/result", summary="The transcript", response_class=Response, openapi_extra=JOB_RESULT)
async def retrieve_result(request: Request, job_id: _Id) -> Response:
    """The transcript of a job that is completed, in any format, whichever the job asked for."""
    job = await job_of(request, job_id)
    transcript = await jobs_of(request).transcript(job)
    if transcript is None:
        raise error_of(job)
    if _asked_format(request) == DiarizationFormat.RTTM:
        if any(segment.free for segment in transcript.segments):
            raise invalid("response_format", "The answer to an instruction is text: it does not say who spoke when.")
        return await _rttm(request, job, transcript)
    return await answer(transcript, _parameters(request, job))


@router.get("/{job_id}/audio", summary="The recording", response_class=Response, openapi_extra=JOB_AUDIO)
async def retrieve_recording(request: Request, job_id: _Id) -> Response:
    """The file as it came, whole or the range that a player asks for, as long as it is kept."""
    job = await job_of(request, job_id)
    file = await jobs_of(request).recording(job)
    if file is None:
        raise ApiError(HTTPStatus.GONE, "The recording of this job is no longer kept.", code="recording_gone")
    return FileResponse(file, job.filename, f'"{job.id}"', request.headers)


@router.post("/{job_id}/cancel", summary="Have no more done for a job", openapi_extra=JOB_CANCELLED)
async def cancel_job(request: Request, job_id: _Id) -> dict[str, Any]:
    """The job, which is cancelled unless it had ended."""
    return shown(request, await jobs_of(request).cancel(await job_of(request, job_id)))


@router.delete("/{job_id}", summary="Forget a job", openapi_extra=JOB_DELETED)
async def delete_job(request: Request, job_id: _Id) -> dict[str, Any]:
    """Nothing more is done for it, and nothing of it is kept."""
    await jobs_of(request).delete(await job_of(request, job_id))
    return {"id": job_id, "object": f"{OBJECT}.deleted", "deleted": True}


def _asked_format(request: Request) -> str:
    return request.query_params.get("response_format", "").strip().lower()


def _parameters(request: Request, job: Job) -> TranscriptionParameters:
    """Those that the job came with, but for what the query says. Raises InvalidParameter."""
    before = json.loads(job.parameters)
    if _asked_format(request):
        before = {name: value for name, value in before.items() if name not in _OF_FORMAT}
    parameters = parameters_over(TranscriptionParameters, before, request.query_params.multi_items())
    if parameters.include and "include" not in json.loads(job.parameters):
        raise invalid("include", "Log-probabilities are kept only for jobs that came with include[]=logprobs.")
    return parameters


async def _rttm(request: Request, job: Job, transcript: Transcript) -> Response:
    parameters = parameters_from_form(DiarizationParameters, request.query_params.multi_items())

    def told() -> Response:
        spoken = turns(transcript, shortest=parameters.min_duration_on, longest_gap=parameters.min_duration_off)
        return PlainTextResponse(render_rttm(transcript, spoken, recording_name(job.filename)))

    return noted(await written(transcript, told), transcript)
