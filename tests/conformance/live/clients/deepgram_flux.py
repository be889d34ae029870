"""Deepgram's own SDK on the WebSocket /v2/listen.

MODE ``eager``: ends are announced; turns end by themselves. ``force``: only the client ends turns, once, after the
recording, and changes what it listens for before that.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio

from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.core.events import EventType
from deepgram.core.unchecked_base_model import UncheckedBaseModel
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v2.types import ListenV2Configure, ListenV2ConfigureThresholds

from tests.conformance.live.clients.common import PATIENCE, asked, read, tell

SILENCE = 2.0
"""Seconds behind the recording: the last turn ends in them."""


def report(message: UncheckedBaseModel) -> None:
    tell("message", **{"class": type(message).__name__}, message=message.dict())


async def main() -> None:
    request = asked()
    recording = read(request.recording)
    client = AsyncDeepgramClient(
        api_key=request.key,
        environment=DeepgramClientEnvironment(
            base=request.url, production=request.ws_url, agent=request.ws_url, agent_rest=request.url
        ),
    )
    force = request.mode == "force"
    async with client.listen.v2.connect(
        model="flux-general-en",
        encoding="linear16",
        sample_rate=recording.rate,
        eot_threshold=1.0 if force else 0.7,
        eager_eot_threshold=0.4 if request.mode == "eager" else None,
        eot_timeout_ms=60_000,
        keyterm=["VibeVoice", "caption"],
        tag=["conformance"],
        mip_opt_out=True,
    ) as connection:
        connection.on(EventType.MESSAGE, report)
        connection.on(EventType.ERROR, lambda error: tell("error", message=repr(error)))
        connection.on(EventType.CLOSE, lambda _: tell("closed", code=connection._websocket.close_code))
        listening = asyncio.create_task(connection.start_listening())
        if force:
            thresholds = ListenV2ConfigureThresholds(eot_timeout_ms=50_000)
            await connection.send_configure(ListenV2Configure(thresholds=thresholds, keyterms=["green"]))
        async for chunk in recording.spoken(SILENCE):
            await connection.send_media(chunk)
        if force:
            await connection.send_force_end_turn()
        await connection.send_close_stream()
        await asyncio.wait_for(listening, PATIENCE)
    tell("ended")


try:
    asyncio.run(main())
except ApiError as error:
    tell("refused", status=error.status_code)
