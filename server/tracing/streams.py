"""The worker's part of a trace: what it told of a stream becomes spans below the request's."""

from __future__ import annotations

from server.engine.messages import StreamTrace
from server.tracing.tracer import Attribute, Tracer


def record_stream(tracer: Tracer, told: StreamTrace) -> None:
    """A span for the stream, and one below it for each of its phases. None for a step: there are very many."""
    attributes: dict[str, Attribute] = {
        "asr.request_id": told.request_id,
        "asr.steps": told.steps,
        "asr.answers": told.answers,
        "asr.answer_tokens": told.answer_tokens,
    }
    stream = tracer.start("engine.stream", told.trace, began=told.began, attributes=attributes)
    for phase in told.phases:
        tracer.start(
            f"engine.{phase.name}", stream.traceparent, began=phase.began, attributes={"asr.steps": phase.steps}
        ).end(at=phase.ended)
    stream.end(error=None if told.failure is None else told.failure.value, at=told.ended)
