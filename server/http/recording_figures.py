"""What is counted, and logged, of a recording that went through the model, whoever asked for it."""

from __future__ import annotations

from server.conversations.free_answer import FreeAnswer
from server.metrics.labels import Stage
from server.metrics.metrics import Metrics
from server.recordings.transcription import Costs, Outcome, Transcription


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
    if transcription.unreadable is not None:
        metrics.decode_errors.labels(transcription.unreadable.value).inc()
    if began is not None:
        _observe_waits(transcription, metrics, began)
    if transcription.transcript is not None and not transcription.transcript.complete:
        metrics.incomplete.inc()
    if (costs := transcription.costs) is not None:
        _observe_costs(costs, transcription.recording.seconds, metrics, log)


def observe_answer(answer: FreeAnswer, metrics: Metrics, log: dict[str, object], began: float) -> None:
    """The same of an answer in a conversation about a recording."""
    seconds, outcome = answer.recording.seconds, answer.outcome
    metrics.audio.labels(outcome.value).inc(seconds)
    log |= {"audio_s": round(seconds, 3), "outcome": outcome.value}
    if answer.expired:
        metrics.deadlines.labels(Stage.TRANSCRIBE.value).inc()
    _observe_wait(answer, metrics, began)
    if (costs := answer.costs) is not None:
        _observe_costs(costs, seconds, metrics, log)


def _observe_costs(costs: Costs, seconds: float, metrics: Metrics, log: dict[str, object]) -> None:
    """``seconds``: of the recording."""
    real_time_factor = costs.inference_seconds / seconds
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


def _observe_wait(work: Transcription | FreeAnswer, metrics: Metrics, began: float) -> None:
    if work.outcome is Outcome.CANCELLED:
        metrics.cancellations.labels(Stage.TRANSCRIBE.value).inc()
    if work.first_token_at is not None:
        metrics.first_token.observe(work.first_token_at - began)


def _observe_waits(transcription: Transcription, metrics: Metrics, began: float) -> None:
    _observe_wait(transcription, metrics, began)
    if transcription.first_segment_at is not None:
        metrics.first_segment.observe(transcription.first_segment_at - began)
