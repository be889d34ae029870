"""LiveKit's OpenAI plugin on /v1/realtime, as an agent uses it: a microphone that stays open.

MODE: the model; by default one with server_vad.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio
from collections import Counter

from livekit.agents import stt
from livekit.agents.utils import http_context
from livekit.plugins import openai

from tests.conformance.live.clients.common import Recording, asked, read, tell
from tests.conformance.live.clients.livekit_common import frame, report

END, TEXT = stt.SpeechEventType.END_OF_SPEECH, stt.SpeechEventType.RECOGNITION_USAGE
SETTLED = 2.0
"""Seconds of silence after which the last turn has surely ended for the server's ear."""


async def speak(stream: stt.SpeechStream, recording: Recording, seen: Counter[str]) -> None:
    """The recording, then silence until every turn that ended got its text."""
    async for chunk in recording.spoken(silence=SETTLED):
        stream.push_frame(frame(chunk, recording.rate))
    async for chunk in recording.silence():
        if seen[END] and seen[END] == seen[TEXT]:
            break
        stream.push_frame(frame(chunk, recording.rate))
    await stream.aclose()


async def main() -> None:
    request = asked()
    async with http_context.open():
        listener = openai.STT(
            base_url=f"{request.url}/v1",
            api_key=request.key,
            model=request.mode or "gpt-4o-transcribe",
            use_realtime=True,
        )
        seen: Counter[str] = Counter()
        stream = listener.stream()
        speaking = asyncio.create_task(speak(stream, read(request.recording), seen))
        async for event in stream:
            seen[event.type] += 1
            report(event)
        await speaking
        await listener.aclose()
    tell("ended")


asyncio.run(main())
