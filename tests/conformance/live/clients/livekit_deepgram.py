"""LiveKit's Deepgram plugin on /v1/listen, with speakers."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio

from livekit.agents import stt
from livekit.agents.utils import http_context
from livekit.plugins import deepgram

from tests.conformance.live.clients.common import Recording, asked, read, tell
from tests.conformance.live.clients.livekit_common import frame, report


async def speak(stream: stt.SpeechStream, recording: Recording) -> None:
    async for chunk in recording.spoken():
        stream.push_frame(frame(chunk, recording.rate))
    stream.end_input()


async def main() -> None:
    request = asked()
    recording = read(request.recording)
    async with http_context.open():
        listener = deepgram.STT(
            base_url=f"{request.url}/v1/listen",
            api_key=request.key,
            sample_rate=recording.rate,
            enable_diarization=True,
            keyterm=["VibeVoice", "caption"],
        )
        stream = listener.stream()
        speaking = asyncio.create_task(speak(stream, recording))
        async for event in stream:
            report(event)
        await speaking
    tell("ended")


asyncio.run(main())
