"""The body of a chat completion: its messages, and the recording in them, which is decoded as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from http import HTTPStatus
from secrets import randbits
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from server.context import MAX_CONTEXT_CHARACTERS
from server.conversations.wishes import Conversation
from server.http.errors import ApiError, invalid
from server.http.json_upload import JsonReader
from server.http.model_names import check_model
from server.http.service import service_of
from server.http.upload import Upload
from server.protocols.openai.chat.messages import MESSAGES, recording_in, system_of, turns_of
from server.protocols.openai.chat.request import ChatParameters, parameters_of
from server.protocols.service_tier import is_urgent
from server.recordings.wishes import Wishes

_PART: Final = [MESSAGES, "", "content", ""]
_RECORDINGS: Final = (["input_audio", "data"], ["input_audio"], ["audio_url", "url"], ["audio_url"])
_MAX_CHARACTERS: Final = 64 * MAX_CONTEXT_CHARACTERS
"""Of all that is said: an hour's transcript has some hundred thousand."""
_HOW_TO_SEND: Final = "The body must be an object with messages."


@asynccontextmanager
async def read_chat(request: Request) -> AsyncIterator[Upload[ChatParameters]]:
    """Read the whole body; its recording is gone at the end of the context.

    Raises ApiError and InvalidParameter for what is wrong with it, BudgetSpent, and ClientDisconnect when the client
    leaves meanwhile.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in {"application/json", "text/json"}:
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The Content-Type must be application/json.",
            code="unsupported_media_type",
        )
    with ExitStack() as stack:
        reader = JsonReader(service_of(request.scope).spool, stack, _wanted)
        await reader.read(request.stream())
        values = await run_in_threadpool(reader.values)
        if values is None:
            raise invalid(None, _HOW_TO_SEND)
        parameters = await run_in_threadpool(parameters_of, values)
        adapter = check_model(parameters.model, service_of(request.scope).settings)
        recording = reader.recording_at(recording_in(parameters.messages))
        if recording is None:
            raise invalid(MESSAGES, "The recording must be in the message itself, in base64.")
        yield Upload(recording.opened(), Wishes(urgent=is_urgent(parameters.service_tier), adapter=adapter), parameters)


def conversation_of(parameters: ChatParameters) -> Conversation:
    """What the model is to answer. Raises ApiError where more is said than anybody would."""
    said, prefix = turns_of(parameters.messages)
    conversation = Conversation(
        said,
        prefix,
        temperature=parameters.temperature,
        top_p=parameters.top_p,
        seed=randbits(32) if parameters.seed is None else parameters.seed,
        max_tokens=parameters.most_tokens,
        stop=parameters.stop,
        system=system_of(parameters.messages),
        likeliest=parameters.top_logprobs,
    )
    if sum(map(len, conversation.words)) > _MAX_CHARACTERS:
        raise invalid(MESSAGES, f"All messages together may have {_MAX_CHARACTERS} characters.", "context_too_long")
    return conversation


def _wanted(path: Sequence[str]) -> str | None:
    part, held = list(path[: len(_PART)]), list(path[len(_PART) :])
    return MESSAGES if part == _PART and held in _RECORDINGS else None
