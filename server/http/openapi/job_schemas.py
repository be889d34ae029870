"""What a job looks like, and the answer with which a recording becomes one."""

from __future__ import annotations

from typing import Any

from server.http.openapi.answers import header, json_content
from server.http.openapi.schemas import (
    BOOLEAN,
    INTEGER,
    SECONDS,
    STRING,
    Schema,
    const,
    listing,
    nullable,
    record,
    ref,
)
from server.jobs.job import Delivery, DeliveryStatus, Job, JobStatus
from server.jobs.objects import OBJECT, job_object

_CREATED = 1_767_225_600.0
EXAMPLE_NOW = _CREATED + 95.0
EXAMPLE_JOB = Job(
    id="job_0123456789abcdef01234567",
    number=1,
    owner="",
    model="microsoft/VibeVoice-ASR-HF",
    status=JobStatus.IN_PROGRESS,
    parameters="{}",
    digest="",
    urgent=False,
    filename="meeting.flac",
    created_at=_CREATED,
    started_at=_CREATED + 2.0,
    audio_seconds=5400.0,
    done_seconds=1800.0,
    pace_at=_CREATED + 5.0,
    segments=212,
    delivery=Delivery("https://hooks.example/asr", DeliveryStatus.WAITING),
)
EXAMPLE = job_object(EXAMPLE_JOB, EXAMPLE_NOW)
_TIME = {"type": ["integer", "null"], "description": "Unix time in seconds."}

SCHEMAS: dict[str, Schema] = {
    "JobStatus": {"type": "string", "enum": list(JobStatus)},
    "Job": record(
        {
            "id": STRING,
            "object": const(OBJECT),
            "status": ref("JobStatus"),
            "model": STRING,
            "created_at": INTEGER,
            "progress": ref("JobProgress"),
            "links": record(
                {"self": STRING, "events": STRING, "result": STRING, "cancel": STRING},
                {"audio": nullable("string", "The recording, as long as it is kept.")},
                "Paths.",
            ),
        },
        {
            "started_at": _TIME,
            "finished_at": _TIME,
            "filename": nullable("string", "As the client gave it."),
            "error": {
                "anyOf": [record({"code": STRING, "message": STRING, "param": nullable("string")}), {"type": "null"}],
                "description": "Why it failed.",
            },
            "webhook": {
                "anyOf": [
                    record(
                        {
                            "url": STRING,
                            "status": {"type": "string", "enum": list(DeliveryStatus)},
                            "attempts": INTEGER,
                        },
                        {"error": nullable("string", "Why the last try was none.")},
                    ),
                    {"type": "null"},
                ],
                "description": "What became of the message of its end.",
            },
        },
        "Everything is there, null where it is not known.",
    ),
    "JobProgress": record(
        {
            "audio_seconds": nullable("number", "Length of the recording; null before it was read."),
            "audio_seconds_done": SECONDS | {"description": "Of these are heard for good."},
            "segments": INTEGER | {"description": "That are closed."},
            "seconds_left": nullable("number", "An estimate; null before anything is heard, and after the end."),
        }
    ),
    "JobList": record(
        {
            "object": const("list"),
            "data": listing(ref("Job")),
            "first_id": nullable("string"),
            "last_id": nullable("string", "For `after` of the next page."),
            "has_more": BOOLEAN,
        }
    ),
    "JobDeleted": record({"id": STRING, "object": const(f"{OBJECT}.deleted"), "deleted": BOOLEAN}),
    "JobProgressEvent": record(
        {
            "type": const(f"{OBJECT}.progress"),
            "status": ref("JobStatus"),
            "progress": ref("JobProgress"),
        }
    ),
    "JobServerSentEvent": record(
        {
            "id": {"type": "string", "description": "For Last-Event-ID."},
            "data": STRING
            | {
                "contentMediaType": "application/json",
                "contentSchema": {"anyOf": [ref("TranscriptEvent"), ref("JobProgressEvent")]},
            },
        },
        {
            "event": {"type": "string", "description": "The type of the event once more, or `error`."},
            "retry": {"type": "string", "description": "Milliseconds after which to ask again."},
        },
        "Each event of the stream.",
    ),
}

ACCEPTED: dict[str, Any] = {
    "description": "With background=true: the job, which is on the disk and outlives this server.",
    "headers": {
        "location": {"description": "The job's path.", "schema": STRING},
        "idempotency-replayed": {
            "description": "`true` where the same request made the job before.",
            "schema": STRING,
        },
    },
    "content": json_content(ref("Job"), EXAMPLE | {"status": "queued"}),
}


def _refusal(about: str, code: str, message: str) -> dict[str, Any]:
    example = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    headers = {"x-request-id": header("RequestId"), "x-should-retry": header("ShouldRetry")}
    return {"description": about, "headers": headers, "content": json_content(ref("Error"), example)}


RESPONSES: dict[str, Any] = {
    "KeyReused": _refusal(
        "The Idempotency-Key was used for another request.",
        "idempotency_key_reused",
        "This Idempotency-Key was used for another request.",
    ),
    "NoSuchJob": _refusal(
        "There is no such job, or it is another key's, or no jobs are taken.", "job_not_found", "There is no such job."
    ),
    "JobNotDone": _refusal(
        "It is not done (`job_not_completed`), was cancelled (`job_cancelled`), or failed, with the code of why.",
        "job_not_completed",
        "The job is not done: it is queued.",
    ),
    "JobExpired": _refusal("Its result is no longer kept.", "job_expired", "The result of this job is no longer kept."),
    "RecordingGone": _refusal(
        "It is not kept any more.", "recording_gone", "The recording of this job is no longer kept."
    ),
    "NoSuchRange": _refusal(
        "The recording does not have these bytes; `Content-Range` says how many there are.",
        "range_not_satisfiable",
        "The file has 1024 bytes.",
    ),
}
"""The components that `refusal` refers to."""


def refusal(name: str) -> dict[str, Any]:
    """A response of this name."""
    return {"$ref": f"#/components/responses/{name}"}


IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "With background=true: the same key with the same request is the same job.",
    "example": "2026-01-01-standup",
}
BACKGROUND: dict[str, Any] = {
    "name": "background",
    "in": "query",
    "required": False,
    "schema": BOOLEAN,
    "description": "As in the body, and known before it: a job is taken by a server that is too busy for a request.",
    "example": False,
}
