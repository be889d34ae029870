"""``POST /v1/chat/completions``: a conversation about a recording, as OpenAI and vLLM have it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from time import time

from fastapi import APIRouter, Request, Response

from server.http.chat_requests import completion, completion_events, converse, told_of_messages
from server.http.chat_upload import read_chat
from server.http.disconnect import while_connected
from server.http.event_stream import EventStream
from server.http.openapi import CHAT
from server.http.recording_requests import receive
from server.http.service import service_of
from server.protocols.openai.chat.answers import Completions

router = APIRouter(prefix="/v1/chat", tags=["chat"])


@router.post("/completions", summary="Ask something about a recording, in turns", openapi_extra=CHAT)
async def create_completion(request: Request) -> Response:
    """What the model writes, as it writes it. Nothing of the body is read before there is a place for the request."""
    settings = service_of(request.scope).settings
    async with AsyncExitStack() as resources:
        received = await receive(request, resources, read_chat(request))
        parameters = received.upload.details
        name = parameters.model or settings.served_model_name
        completions = Completions(f"chatcmpl-{request.state.request_id}", int(time()), name, parameters)
        with told_of_messages():
            answer = await converse(request, resources, received)
        if parameters.stream:
            return EventStream(
                completion_events(answer, completions),
                heartbeat_seconds=settings.heartbeat_seconds,
                resources=resources.pop_all(),
            )
        return await while_connected(request.receive, completion(answer, completions))
