"""What is counted, and logged, of a recording that went through the model, whoever asked for it."""

from __future__ import annotations

from server.metrics.labels import Stage
from server.metrics.metrics import Metrics
from server.recordings.transcription import Outcome, Transcription


def observe(transcription: Transcription, metrics: Metrics, log: dict[str, object], began: float | None) -> None:
    """Count what became of a recording, and add it to its request's log record.

    ``began``: when the request came, by ``perf_counter``; None where nobody waits for the answer.
    """
    heard, outcome = transcription.heard_seconds, transcription.outcome
    metrics.audio.labels(outcome.value).inc(heard)
    log |= {"audio_s": round(transcription.recording.seconds, 3), "outcome": outcome.value}
    if transcription.recording.channels is not None:
        log["channels"] = transcription.recording.channels
    if transcription.expired:
        metrics.deadlines.labels(Stage.TRANSCRIBE.value).inc()
    if began is not None:
        _observe_waits(transcription, metrics, began)
    if transcription.transcript is not None and not transcription.transcript.complete:
        metrics.incomplete.inc()
    if (costs := transcription.costs) is not None:
        real_time_factor = costs.inference_seconds / transcription.recording.seconds
        metrics.queue.observe(costs.queue_seconds)
        metrics.inference.observe(costs.inference_seconds)
        metrics.real_time_factor.observe(real_time_factor)
        log |= {
            "queue_s": round(costs.queue_seconds, 3),
            "inference_s": round(costs.inference_seconds, 3),
            "rtf": round(real_time_factor, 4),
            "answer_tokens": costs.usage.answer_tokens,
            "end": costs.reason.value,
        }


def _observe_waits(transcription: Transcription, metrics: Metrics, began: float) -> None:
    if transcription.outcome is Outcome.CANCELLED:
        metrics.cancellations.labels(Stage.TRANSCRIBE.value).inc()
    if transcription.first_token_at is not None:
        metrics.first_token.observe(transcription.first_token_at - began)
    if transcription.first_segment_at is not None:
        metrics.first_segment.observe(transcription.first_segment_at - began)
