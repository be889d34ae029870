"""LiveKit's Deepgram plugin on /v2/listen."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio

from livekit.agents import stt
from livekit.agents.utils import http_context
from livekit.plugins import deepgram

from tests.conformance.live.clients.common import Recording, asked, read, tell
from tests.conformance.live.clients.livekit_common import frame, report


async def speak(listener: deepgram.STTv2, stream: stt.SpeechStream, recording: Recording) -> None:
    async for chunk in recording.spoken():
        stream.push_frame(frame(chunk, recording.rate))
    listener.update_options(eot_threshold=0.8, keyterm=["green"])
    stream.end_input()


async def main() -> None:
    request = asked()
    recording = read(request.recording)
    async with http_context.open():
        listener = deepgram.STTv2(
            base_url=f"{request.url}/v2/listen",
            api_key=request.key,
            sample_rate=recording.rate,
            eager_eot_threshold=0.4,
            keyterm=["VibeVoice", "caption"],
        )
        stream = listener.stream()
        speaking = asyncio.create_task(speak(listener, stream, recording))
        async for event in stream:
            report(event)
        await speaking
    tell("ended")


asyncio.run(main())
