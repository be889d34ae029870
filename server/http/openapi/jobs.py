"""``/v1/jobs``."""

from __future__ import annotations

import json
from typing import Any

from server.http.openapi.answers import answers, header, json_content
from server.http.openapi.job_schemas import EXAMPLE, EXAMPLE_JOB, EXAMPLE_NOW, refusal
from server.http.openapi.schemas import STRING, ref
from server.http.openapi.transcriptions import ANSWER_CONTENT, event_examples
from server.jobs.objects import OBJECT, progress_object
from server.protocols.openai.response_format import ResponseFormat

_LAST_EVENT: dict[str, Any] = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[0-9]{1,11}$"},
    "description": "Of the last event that was received: those behind it come.",
    "example": "0",
}
_FORMAT: dict[str, Any] = {
    "name": "response_format",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "enum": [*ResponseFormat, "rttm"]},
    "description": "Instead of the one that the job came with; with every other parameter that decides how an answer "
    "is written, and with those of /v1/audio/diarization for rttm.",
    "example": "srt",
}
_EVENT_FORMAT = _FORMAT | {
    "schema": {"type": "string", "enum": list(ResponseFormat)},
    "description": "diarized_json: also who said what when, whatever the job came with.",
    "example": "diarized_json",
}


def _told(description: str, schema: str, example: object) -> dict[str, Any]:
    return {"description": description, "content": json_content(ref(schema), example)}


def _answers(ok: dict[str, Any], **more: dict[str, Any]) -> dict[int | str, Any]:
    refusals = {name.removeprefix("_"): response for name, response in more.items()}
    return answers(400, 401, 403, 500, 503, ok=ok) | {"404": refusal("NoSuchJob")} | refusals


def _progress_event() -> dict[str, Any]:
    event = {
        "type": f"{OBJECT}.progress",
        "status": "in_progress",
        "progress": progress_object(EXAMPLE_JOB, EXAMPLE_NOW),
    }
    return {"value": {"id": "2", "event": event["type"], "data": json.dumps(event)}}


JOBS: dict[str, Any] = {
    "responses": _answers(
        _told(
            "The caller's jobs.",
            "JobList",
            {
                "object": "list",
                "data": [EXAMPLE],
                "first_id": EXAMPLE_JOB.id,
                "last_id": EXAMPLE_JOB.id,
                "has_more": False,
            },
        )
    )
}
JOB: dict[str, Any] = {"responses": _answers(_told("The job.", "Job", EXAMPLE))}
JOB_CANCELLED: dict[str, Any] = {
    "requestBody": {"required": False, "content": json_content({"type": "object"}, {})},
    "responses": _answers(_told("The job as it stands now.", "Job", EXAMPLE | {"status": "cancelled"})),
}
JOB_DELETED: dict[str, Any] = {
    "responses": _answers(
        _told("It is gone.", "JobDeleted", {"id": EXAMPLE_JOB.id, "object": f"{OBJECT}.deleted", "deleted": True})
    )
}
JOB_EVENTS: dict[str, Any] = {
    "parameters": [_LAST_EVENT, _EVENT_FORMAT],
    "responses": _answers(
        {
            "description": "OpenAI's events, a segment at a time, all of the past first, and how far the job is.",
            "content": {
                "text/event-stream": {
                    "schema": ref("JobServerSentEvent"),
                    "examples": {
                        f"{OBJECT}.progress": _progress_event(),
                        **{
                            name: {"value": {"id": str(number)} | example["value"]}
                            for number, (name, example) in enumerate(event_examples().items(), 1)
                        },
                    },
                }
            },
        },
        _204={"description": "The last event was received: there is nothing to come."},
    ),
}
JOB_RESULT: dict[str, Any] = {
    "parameters": [_FORMAT],
    "responses": _answers(
        {
            "description": "The transcript.",
            "headers": {"x-request-id": header("RequestId"), "x-vibevoice-notes": header("Notes")},
            "content": ANSWER_CONTENT,
        },
        _409=refusal("JobNotDone"),
        _410=refusal("JobExpired"),
    ),
}
_FILE = {"*/*": {"schema": STRING | {"format": "binary"}, "example": "RIFF"}}
JOB_AUDIO: dict[str, Any] = {
    "parameters": [
        {
            "name": "Range",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "One range of bytes; anything else is answered with all of the file.",
            "example": "bytes=0-1023",
        }
    ],
    "responses": _answers(
        {
            "description": "The file as it came.",
            "headers": {"x-request-id": header("RequestId"), "etag": {"description": "Of it.", "schema": STRING}},
            "content": _FILE,
        },
        _206={"description": "The bytes that were asked for.", "content": _FILE},
        _410=refusal("RecordingGone"),
        _416=refusal("NoSuchRange"),
    ),
}
