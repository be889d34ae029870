"""OpenAI's Python client on /v1/realtime. MODE: ``commit`` in the end, or ``server_vad``."""

from __future__ import annotations

import asyncio
import base64

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from websockets.exceptions import InvalidStatus

from tests.conformance.live.clients.common import PATIENCE, Asked, asked, read, tell

LAST = "last-commit"


async def send(connection: AsyncRealtimeConnection, request: Asked) -> None:
    vad = request.mode == "server_vad"
    await connection.session.update(
        session={
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                    "turn_detection": {"type": "server_vad"} if vad else None,
                }
            },
        }
    )
    async for chunk in read(request.recording).spoken(silence=1.5 if vad else 0.0):
        await connection.input_audio_buffer.append(audio=base64.b64encode(chunk).decode())
    await connection.input_audio_buffer.commit(event_id=LAST)
    await connection.input_audio_buffer.clear()


async def receive(connection: AsyncRealtimeConnection) -> None:
    """Until the end of input is acknowledged and no committed item is without its text."""
    pending: set[str] = set()
    cleared = False
    async for event in connection:
        report(event)
        if event.type == "input_audio_buffer.committed":
            pending.add(event.item_id)
        elif event.type == "conversation.item.input_audio_transcription.completed":
            pending.discard(event.item_id)
        elif event.type == "input_audio_buffer.cleared":
            cleared = True
        if cleared and not pending:
            return


def report(event: RealtimeServerEvent) -> None:
    tell("event", event=event.to_dict())


async def main() -> None:
    request = asked()
    client = AsyncOpenAI(base_url=f"{request.url}/v1", api_key=request.key)
    async with client.realtime.connect(model="gpt-realtime") as connection:
        sending = asyncio.create_task(send(connection, request))
        receiving = asyncio.create_task(receive(connection))
        await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_EXCEPTION, timeout=3 * PATIENCE)
        for task in (sending, receiving):
            if task.done():
                task.result()
            else:
                task.cancel()


try:
    asyncio.run(main())
except InvalidStatus as error:
    tell("refused", status=error.response.status_code)
