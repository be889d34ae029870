"""A live client that loses nothing when its server restarts or its connection breaks.

    python resuming_client.py ws://host:8000/v1/listen?encoding=linear16&sample_rate=16000&diarize=true recording.wav

It asks for tokens (`resume=true`), keeps its audio from where the last one says, and goes on with it on a new
connection. Needs `websockets` alone. Works with /v1/realtime, /v1/listen and /v2/listen: they differ in names only.
"""

from __future__ import annotations

import asyncio
import json
import sys
import wave
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

Message = dict[str, Any]


class Names(NamedTuple):
    """What a protocol calls the messages of this."""

    resume: str
    resumed: str
    update: str


DEEPGRAM = Names("Resume", "Resumed", "Resumption")
REALTIME = Names("session.resume", "session.resumed", "session.resumption_update")


class ResumingClient:
    """One session, over as many connections as it takes.

    Args:
        url: with everything that the session needs in its query; resume=true is added.
        bytes_per_second: of the raw audio.
        headers: with the API key.
        first: sent at the start of the session, and not again: the token remembers what was configured.
        wait: seconds before a new connection is tried.

    Attributes:
        messages: of the session so far, but for those of this module. What is not certain may be taken back: see
            `_connected`.
        connections: that were opened.
        connection: the present one.
    """

    def __init__(
        self,
        url: str,
        bytes_per_second: int,
        *,
        headers: dict[str, str] | None = None,
        first: tuple[Message, ...] = (),
        wait: float = 0.5,
    ) -> None:
        self.messages: list[Message] = []
        self.connections = 0
        self.connection: ClientConnection | None = None
        self._url = url + ("&" if "?" in url else "?") + "resume=true"
        self._realtime = "/v1/realtime" in url
        self._names = REALTIME if self._realtime else DEEPGRAM
        self._bytes_per_second = bytes_per_second
        self._headers = headers or {}
        self._first = first
        self._wait = wait
        self._resumption: Message = {}
        self._sure = 0  # messages that will not come again
        self._audio = bytearray()  # from _start on
        self._start = 0.0  # seconds of the session
        self._more = asyncio.Event()
        self._last: tuple[Message, ...] | None = None  # to be sent behind all audio

    @property
    def heard(self) -> float:
        """Seconds of the session; the audio before is not needed any more."""
        return self._start

    def send(self, audio: bytes) -> None:
        """The next audio: at any time, whether there is a connection or not."""
        self._audio += audio
        self._more.set()

    def finish(self, *last: Message) -> None:
        """No more audio comes. ``last``: sent behind it, e.g. {"type": "CloseStream"}."""
        self._last = last
        self._more.set()

    async def run(self, done: asyncio.Event | None = None) -> None:
        """Until the server closes the session in order (1000), or ``done`` is set."""
        stop = asyncio.create_task(done.wait()) if done else None
        try:
            while not (stop and stop.done()):
                with suppress(InvalidHandshake, OSError, TimeoutError):  # 503 while servers restart
                    async with connect(
                        self._url, additional_headers=self._headers, max_size=None, ping_timeout=60
                    ) as connection:
                        self.connections, self.connection = self.connections + 1, connection
                        talking = asyncio.create_task(self._connected(connection))
                        await asyncio.wait({talking, stop} if stop else {talking}, return_when=asyncio.FIRST_COMPLETED)
                        talking.cancel()
                        with suppress(ConnectionClosed, asyncio.CancelledError):
                            await talking
                        if connection.close_code == 1000:
                            return
                await asyncio.sleep(self._wait)
        finally:
            if stop:
                stop.cancel()

    async def _connected(self, connection: ClientConnection) -> None:
        """What came behind the last token comes again: it is taken back."""
        del self.messages[self._sure :]
        start = self._start
        if self._resumption:
            wish = {"type": self._names.resume, "resumption": self._resumption, "audio_start": start}
            await connection.send(json.dumps(wish))
        else:
            for message in self._first:
                await connection.send(json.dumps(message))
        sending = asyncio.create_task(self._send(connection, start))
        try:
            async for frame in connection:
                self._take(json.loads(frame))
        finally:
            sending.cancel()

    def _take(self, message: Message) -> None:
        kind = message["type"]
        if kind == self._names.update:
            self._resumption |= message["resumption"]
            self._sure = len(self.messages)
            self._forget(message["audio_start"])
        elif kind != self._names.resumed:
            self.messages.append(message)

    def _forget(self, until: float) -> None:
        """Audio before ``until`` is not needed any more. Cut between samples."""
        gone = 2 * round((until - self._start) * self._bytes_per_second / 2)
        if gone > 0:
            del self._audio[:gone]
            self._start += gone / self._bytes_per_second

    async def _send(self, connection: ClientConnection, start: float) -> None:
        at = start
        while True:
            self._more.clear()
            piece = round((at - self._start) * self._bytes_per_second)
            while audio := bytes(self._audio[piece : piece + self._bytes_per_second // 10]):
                at += len(audio) / self._bytes_per_second
                await connection.send(self._append(audio))
                piece = round((at - self._start) * self._bytes_per_second)
            if self._last is not None:
                for message in self._last:
                    await connection.send(json.dumps(message))
                return
            await self._more.wait()

    def _append(self, audio: bytes) -> str | bytes:
        if not self._realtime:
            return audio
        return json.dumps({"type": "input_audio_buffer.append", "audio": b64encode(audio).decode()})


async def spoken(path: str) -> AsyncIterator[tuple[bytes, int]]:
    """A recording at the speed at which it was spoken: 16-bit mono, and its bytes per second."""
    with wave.open(path) as file:
        while audio := file.readframes(file.getframerate() // 10):
            yield audio, 2 * file.getframerate()
            await asyncio.sleep(0.1)


async def main(url: str, path: str) -> None:
    """Transcribe a WAV file as if it were spoken now, and print the messages."""
    with wave.open(path) as file:
        client = ResumingClient(url, 2 * file.getframerate())
    running = asyncio.create_task(client.run())
    async for audio, _ in spoken(path):
        client.send(audio)
    client.finish({"type": "CloseStream"})
    await running
    for message in client.messages:
        print(json.dumps(message, ensure_ascii=False))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
