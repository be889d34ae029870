"""Deepgram's own SDK on the WebSocket /v1/listen.

MODE ``finalize``: Finalize after the recording, then CloseStream; ``grant``: with a temporary token instead of the key.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio

from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.core.events import EventType
from deepgram.core.unchecked_base_model import UncheckedBaseModel
from deepgram.environment import DeepgramClientEnvironment

from tests.conformance.live.clients.common import PATIENCE, Asked, asked, read, tell


def environment(request: Asked) -> DeepgramClientEnvironment:
    return DeepgramClientEnvironment(
        base=request.url, production=request.ws_url, agent=request.ws_url, agent_rest=request.url
    )


def report(message: UncheckedBaseModel) -> None:
    tell("message", **{"class": type(message).__name__}, message=message.dict())


async def main() -> None:
    request = asked()
    recording = read(request.recording)
    client = AsyncDeepgramClient(api_key=request.key, environment=environment(request))
    if request.mode == "grant":
        granted = await client.auth.v1.tokens.grant(ttl_seconds=60)
        tell("granted", seconds=granted.expires_in)
        client = AsyncDeepgramClient(access_token=granted.access_token, environment=environment(request))
    async with client.listen.v1.connect(
        model="nova-3",
        language="en",
        encoding="linear16",
        sample_rate=recording.rate,
        channels=1,
        interim_results=True,
        punctuate=True,
        smart_format=True,
        diarize=True,
        vad_events=True,
        utterance_end_ms=1000,
    ) as connection:
        connection.on(EventType.MESSAGE, report)
        connection.on(EventType.ERROR, lambda error: tell("error", message=repr(error)))
        connection.on(EventType.CLOSE, lambda _: tell("closed", code=connection._websocket.close_code))
        listening = asyncio.create_task(connection.start_listening())
        await connection.send_keep_alive()
        async for chunk in recording.spoken():
            await connection.send_media(chunk)
        if request.mode == "finalize":
            await connection.send_finalize()
        await connection.send_close_stream()
        await asyncio.wait_for(listening, PATIENCE)
    tell("ended")


try:
    asyncio.run(main())
except ApiError as error:
    tell("refused", status=error.status_code)
