"""A Wyoming client, as Home Assistant is one: ``python client.py tcp://host:port RECORDING`` (a mono 16-bit WAV).

Prints the services that are told, and then what came for the recording, a JSON object a line.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio
import json
import sys
import wave

from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.event import Event
from wyoming.info import Describe

FRAMES = 1024
"""In a chunk, as Home Assistant sends them."""


def tell(event: Event) -> None:
    json.dump({"kind": event.type, "data": event.data}, sys.stdout)
    sys.stdout.write("\n")


async def main(uri: str, recording: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        described = await client.read_event()
        assert described is not None
        tell(described)
        with wave.open(recording, "rb") as file:
            form = {"rate": file.getframerate(), "width": file.getsampwidth(), "channels": file.getnchannels()}
            await client.write_event(Transcribe(name="vibevoice-asr", language="en").event())
            await client.write_event(AudioStart(**form).event())
            while audio := file.readframes(FRAMES):
                await client.write_event(AudioChunk(audio=audio, **form).event())
            await client.write_event(AudioStop().event())
        last = "transcript"
        while (event := await client.read_event()) is not None:
            tell(event)
            if event.type == "transcript-start":
                last = "transcript-stop"
            if event.type == last:
                return


asyncio.run(main(*sys.argv[1:]))
