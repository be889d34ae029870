"""Pipecat's DeepgramFluxSTTService, which leaves turns to the server. MODE ``eager``: it hears of likely ends too."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio

from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService

from tests.conformance.live.clients.common import asked, read, tell
from tests.conformance.live.clients.pipecat_common import Listener


async def main() -> None:
    request = asked()
    service = DeepgramFluxSTTService(
        api_key=request.key,
        url=f"{request.ws_url}/v2/listen",
        enable_eager_end_of_turn=request.mode == "eager",
        settings=DeepgramFluxSTTService.Settings(keyterm=["VibeVoice", "caption"], min_confidence=0.1),
    )

    async def announced(_: DeepgramFluxSTTService, text: str) -> None:
        tell("announced", text=text)

    service.add_event_handler("on_eager_end_of_turn", announced)
    await Listener(service, read(request.recording), local_vad=False).run()


asyncio.run(main())
