"""The OpenAI Agents SDK's speech-to-text model on /v1/realtime: semantic_vad, its own way to end the input."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio

import numpy as np
from agents import set_tracing_disabled
from agents.voice import OpenAISTTModel, StreamedAudioInput, STTModelSettings
from openai import AsyncOpenAI

from tests.conformance.live.clients.common import Asked, asked, read, tell


async def speak(request: Asked, audio: StreamedAudioInput) -> None:
    async for chunk in read(request.recording).spoken():
        await audio.add_audio(np.frombuffer(chunk, np.int16))
    await audio.add_audio(None)


async def main() -> None:
    set_tracing_disabled(True)
    request = asked()
    client = AsyncOpenAI(base_url=f"{request.url}/v1", api_key=request.key)
    audio = StreamedAudioInput()
    session = await OpenAISTTModel("gpt-4o-transcribe", client).create_session(audio, STTModelSettings(), False, False)
    speaking = asyncio.create_task(speak(request, audio))
    async for turn in session.transcribe_turns():
        tell("final", text=turn)
    await speaking
    tell("ended")


asyncio.run(main())
