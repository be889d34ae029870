"""Deepgram's own SDK with somebody on each of two channels, who speak in turn: the recording, twice. File and live."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio
import io
import wave

from deepgram import AsyncDeepgramClient
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment

from tests.conformance.live.clients.common import PATIENCE, Recording, asked, read, tell

FRAME = 2
"""Bytes of a sample."""


def call_of(recording: Recording) -> bytes:
    """Interleaved: one channel has the recording and then silence, the other one silence and then the recording."""
    silence = bytes(len(recording.pcm))
    left, right = recording.pcm + silence, silence + recording.pcm
    return b"".join(left[at : at + FRAME] + right[at : at + FRAME] for at in range(0, len(left), FRAME))


def wav_of(call: bytes, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((2, FRAME, rate, 0, "NONE", ""))
        writer.writeframes(call)
    return file.getvalue()


async def main() -> None:
    request = asked()
    recording = read(request.recording)
    call = call_of(recording)
    client = AsyncDeepgramClient(
        api_key=request.key,
        environment=DeepgramClientEnvironment(
            base=request.url, production=request.ws_url, agent=request.ws_url, agent_rest=request.url
        ),
    )
    answer = await client.listen.v1.media.transcribe_file(
        request=wav_of(call, recording.rate), model="nova-3", multichannel=True, diarize=True, utterances=True
    )
    tell("answer", **{"class": type(answer).__name__}, answer=answer.dict())
    async with client.listen.v1.connect(
        model="nova-3",
        encoding="linear16",
        sample_rate=recording.rate,
        channels=2,
        multichannel=True,
        vad_events=True,
    ) as connection:
        connection.on(
            EventType.MESSAGE,
            lambda message: tell("message", **{"class": type(message).__name__}, message=message.dict()),
        )
        listening = asyncio.create_task(connection.start_listening())
        for at in range(0, len(call), 2 * recording.chunk_bytes):
            await connection.send_media(call[at : at + 2 * recording.chunk_bytes])
        await connection.send_close_stream()
        await asyncio.wait_for(listening, PATIENCE)


asyncio.run(main())
