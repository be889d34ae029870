"""Requests for chat completions: let in as recordings are, answered in the room for conversations, and counted."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager
from functools import partial
from http import HTTPStatus
from time import perf_counter

from starlette.requests import Request

from server.conversations.free_answer import FreeAnswer
from server.engine.messages import EndReason
from server.http.auth.callers import caller_of
from server.http.chat_upload import conversation_of
from server.http.disconnect import while_connected
from server.http.errors import ApiError, to_api_error
from server.http.long_json import LongJSONResponse, encoded
from server.http.recording_figures import observe_answer
from server.http.recording_requests import Received, counted
from server.http.service import service_of
from server.metrics.labels import Stage
from server.protocols.openai.chat.answers import Completions
from server.protocols.openai.chat.request import ChatParameters
from server.recordings.deadline import within
from server.recordings.errors import AudioError, ContextTooLong

_MESSAGES = "messages"
_ENCODER = json.JSONEncoder()
_DONE = b"data: [DONE]\n\n"


@contextmanager
def told_of_messages() -> Iterator[None]:
    """What is wrong with the recording, or with all that is said about it, is wrong with the messages."""
    try:
        yield
    except ContextTooLong as error:
        told = f"The conversation {error.limit}."
        raise ApiError(HTTPStatus.BAD_REQUEST, told, code="context_too_long", param=_MESSAGES) from error
    except AudioError as error:
        told_of_file = to_api_error(error)
        raise ApiError(told_of_file.status, told_of_file.message, code=told_of_file.code, param=_MESSAGES) from error


async def converse(request: Request, resources: AsyncExitStack, received: Received[ChatParameters]) -> FreeAnswer:
    """Have the conversation that was received answered.

    ``resources`` gets what is to be given back, and counted, at the end of the answer. Raises what `to_api_error`
    knows, and ClientDisconnect.
    """
    service, upload = service_of(request.scope), received.upload
    conversation = conversation_of(upload.details)
    ticket = resources.enter_context(service.admit(caller_of(request.scope).account, urgent=received.urgent))
    with counted(service, Stage.DECODE):
        async with within(received.deadline):
            opening = service.conversations.answer(
                upload.file,
                conversation,
                ticket=ticket,
                request_id=request.state.request_id,
                owner=caller_of(request.scope).digest,
                urgent=received.urgent,
                adapter=upload.wishes.adapter,
            )
            decoding = perf_counter()
            with received.spans.transcribing():
                answer = await while_connected(request.receive, resources.enter_async_context(opening))
            received.spans.opened(answer, decoding)
    service.metrics.decode.observe(answer.decode_seconds)
    service.metrics.audio_input.observe(answer.recording.seconds)
    answer.deadline = received.deadline
    resources.callback(partial(observe_answer, answer, service.metrics, request.state.log, received.began))
    return answer


async def completion(answer: FreeAnswer, completions: Completions) -> LongJSONResponse:
    """The whole answer. Raises EngineError, DeadlineExceeded."""
    pieces = await answer.whole()
    assert answer.costs is not None
    cut = answer.costs.reason is EndReason.LENGTH
    tokens = [token for piece in pieces for token in piece.tokens]
    text = "".join(piece.text for piece in pieces)
    return LongJSONResponse(
        completions.whole(text, tokens, cut=cut, usage=answer.costs.usage, cached=answer.cached_tokens)
    )


async def completion_events(answer: FreeAnswer, completions: Completions) -> AsyncGenerator[bytes, None]:
    """The answer as frames of OpenAI's events. What goes wrong on the way becomes the last event but one."""
    try:
        yield _frame(completions.begin())
        async with aclosing(answer.pieces()) as pieces:
            async for piece in pieces:
                yield _frame(completions.piece(piece.text, piece.tokens))
        assert answer.costs is not None
        cut = answer.costs.reason is EndReason.LENGTH
        for event in completions.end(cut=cut, usage=answer.costs.usage, cached=answer.cached_tokens):
            yield _frame(event)
    except Exception as error:
        yield _frame(to_api_error(error).envelope)
    yield _DONE


def _frame(event: object) -> bytes:
    return f"data: {encoded(event, _ENCODER)}\n\n".encode("ascii")
