"""From an uploaded file to the model: the steps that all protocols share which take whole recordings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import BinaryIO

from model.seam.runner import RunnerInfo
from model.seam.streams import Question, StreamSpec
from server.audio_in.errors import AudioError
from server.audio_in.limits import DecodeLimits
from server.context import context_tokens
from server.engine.budget import answer_budget, context_limit
from server.engine.client.admission import Ticket
from server.http.service import Service
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.recordings.recording import Recording, read_recording
from server.recordings.transcribing import Transcribing

_DECODE_SECONDS = 120.0
"""Time that decoding one file may take; an hour of audio takes about four seconds."""


async def decode_upload(service: Service, file: BinaryIO, parameters: TranscriptionParameters) -> Recording:
    """Decode a file (seekable) within the server's limits. Raises as `read_recording`."""
    began = perf_counter()
    limits = DecodeLimits(service.settings.max_audio_seconds, _DECODE_SECONDS)
    try:
        recording = await read_recording(service.decoders, file, parameters, limits)
    except AudioError as error:
        service.metrics.decode_errors.labels(error.code.value).inc()
        raise
    service.metrics.decode.observe(perf_counter() - began)
    return recording


@asynccontextmanager
async def open_transcribing(
    service: Service,
    ticket: Ticket,
    recording: Recording,
    parameters: TranscriptionParameters,
    *,
    request_id: str,
    began: float,
    log: dict[str, object],
) -> AsyncIterator[Transcribing]:
    """A place in the engine for an admitted request's recording, given back at the end of the context.

    ``began`` and ``log`` as for `Transcribing`. Raises Overloaded.
    """
    log["audio_s"] = round(recording.seconds, 3)
    ticket.add_audio(recording.seconds)
    service.metrics.audio_input.observe(recording.seconds)
    vocabulary = service.vocabulary
    assert service.engine.info is not None
    spec = _specify(recording, parameters, service.engine.info)
    async with service.engine.open(spec, request_id=request_id) as stream:
        yield Transcribing(
            stream,
            spec.question,
            recording,
            vocabulary,
            logprobs=bool(parameters.include),
            metrics=service.metrics,
            began=began,
            log=log,
        )


def _specify(recording: Recording, parameters: TranscriptionParameters, info: RunnerInfo) -> StreamSpec:
    context = parameters.context
    room = context_limit(info) - context_tokens(context)
    question = Question(
        context,
        temperature=parameters.temperature,
        max_tokens=answer_budget(recording.samples.size / info.geometry.sample_rate, room),
    )
    return StreamSpec(recording.frames, question, recording.level)
