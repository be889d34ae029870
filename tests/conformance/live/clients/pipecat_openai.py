"""Pipecat's OpenAIRealtimeSTTService. MODE: ``server_vad``, or ``commit`` where its own detector hears a turn end."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio

from pipecat.services.openai.stt import OpenAIRealtimeSTTService

from tests.conformance.live.clients.common import asked, read
from tests.conformance.live.clients.pipecat_common import Listener


async def main() -> None:
    request = asked()
    server_vad = request.mode == "server_vad"
    service = OpenAIRealtimeSTTService(
        api_key=request.key,
        base_url=f"{request.ws_url}/v1/realtime",
        turn_detection={"type": "server_vad"} if server_vad else False,
    )
    await Listener(service, read(request.recording), local_vad=not server_vad).run()


asyncio.run(main())
