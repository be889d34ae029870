"""Pipecat's DeepgramSTTService: Finalize where its own detector hears a turn end."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio

from pipecat.services.deepgram.stt import DeepgramSTTService

from tests.conformance.live.clients.common import asked, read
from tests.conformance.live.clients.pipecat_common import Listener


async def main() -> None:
    request = asked()
    service = DeepgramSTTService(api_key=request.key, base_url=request.ws_url)
    await Listener(service, read(request.recording), local_vad=True).run()


asyncio.run(main())
