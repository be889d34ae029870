"""Jobs as JSON, in the words of OpenAI's batches, background answers and fine-tuning jobs."""

from __future__ import annotations

from server.jobs.job import Job

JsonObject = dict[str, object]
OBJECT = "transcription.job"


def job_object(job: Job, now: float, root: str = "") -> JsonObject:
    """What clients see of a job.

    Args:
        job: as it stands.
        now: Unix time, for the estimate.
        root: what the paths of the application begin with, where it is mounted below another.
    """
    here = f"{root}/v1/jobs/{job.id}"
    return {
        "id": job.id,
        "object": OBJECT,
        "status": job.status.value,
        "model": job.model,
        "created_at": int(job.created_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "filename": job.filename,
        "progress": progress_object(job, now),
        "error": _error(job),
        "webhook": _webhook(job),
        "links": {
            "self": here,
            "events": f"{here}/events",
            "result": f"{here}/result",
            "audio": f"{here}/audio" if job.has_recording else None,
            "cancel": f"{here}/cancel",
        },
    }


def progress_object(job: Job, now: float) -> JsonObject:
    """How far it is. What is not known yet is null."""
    left = job.seconds_left(now)
    return {
        "audio_seconds": _seconds(job.audio_seconds),
        "audio_seconds_done": _seconds(job.done_seconds),
        "segments": job.segments,
        "seconds_left": _seconds(left),
    }


def event_object(job: Job, message: str) -> JsonObject:
    """What a webhook is told of a job's end: OpenAI's envelope, with the time as Standard Webhooks has it."""
    ended = job.finished_at or job.created_at
    return {
        "id": message,
        "object": "event",
        "type": f"{OBJECT}.{job.status.value}",
        "created_at": int(ended),
        "data": {
            "id": job.id,
            "object": OBJECT,
            "status": job.status.value,
            "created_at": int(job.created_at),
            "finished_at": int(ended),
            "progress": progress_object(job, ended),
            "error": _error(job),
        },
    }


def _error(job: Job) -> JsonObject | None:
    if job.error is None:
        return None
    return {"code": job.error.code, "message": job.error.message, "param": job.error.param}


def _webhook(job: Job) -> JsonObject | None:
    if job.delivery is None:
        return None
    sent = job.delivery
    return {"url": sent.url, "status": sent.status.value, "attempts": sent.attempts, "error": sent.error}


def _time(time: float | None) -> int | None:
    return None if time is None else int(time)


def _seconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
