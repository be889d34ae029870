"""Clients that speak: OpenAI's Realtime sessions and Deepgram's, at the speed of speech or faster."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

import numpy as np
import websockets
from websockets.asyncio.client import ClientConnection, connect

from bench.traffic.outcome import Outcome, Verdict
from model.seam.audio import SAMPLE_RATE, Samples

_PIECE = SAMPLE_RATE // 10
"""Samples that are sent at once."""
_OPEN = 30.0
_LAST = 180.0
"""Seconds in which a connection has to stand, and in which the last words have to come."""
_REFUSALS = frozenset({429, 503})


class LiveClients:
    """Of the server at ``base`` (http://...), who say these ``recordings``. ``speed``: times as fast as speech."""

    def __init__(self, base: str, recordings: Sequence[Samples], *, speed: float = 1.0) -> None:
        self._base = base.replace("http", "ws", 1)
        self._recordings = [
            [
                (recording[start : start + _PIECE] * 32767).astype(np.int16).tobytes()
                for start in range(0, recording.size, _PIECE)
            ]
            for recording in recordings
        ]
        self._pause = _PIECE / SAMPLE_RATE / speed

    async def realtime(self, chance: random.Random) -> Outcome:
        """A session of one to three turns that are committed by hand: each has to have its transcript."""
        turns = chance.randint(1, 3)

        async def speak(socket: ClientConnection) -> None:
            off = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
            await socket.send(json.dumps({"type": "session.update", "session": off}))
            for _ in range(turns):
                for piece in self._said(chance):
                    text = base64.b64encode(piece).decode()
                    await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": text}))
                    await asyncio.sleep(self._pause)
                await socket.send('{"type": "input_audio_buffer.commit"}')

        async def listen(socket: ClientConnection) -> str:
            completed = 0
            async for message in socket:
                event = json.loads(message)
                if event["type"] == "error":
                    return f"error {event['error'].get('code')}"
                completed += event["type"] == "conversation.item.input_audio_transcription.completed"
                if completed == turns:
                    return ""
            return f"closed {socket.close_code} after {completed} of {turns} turns"

        return await self._session("realtime", "/v1/realtime", speak, listen)

    async def deepgram(self, chance: random.Random) -> Outcome:
        """A stream that is closed by its client: the last words have to come before the metadata."""

        async def speak(socket: ClientConnection) -> None:
            for piece in self._said(chance):
                await socket.send(piece)
                await asyncio.sleep(self._pause)
            await socket.send('{"type": "CloseStream"}')

        async def listen(socket: ClientConnection) -> str:
            words = 0
            async for message in socket:
                event = json.loads(message)
                if event["type"] == "Results" and event["is_final"]:
                    words += len(event["channel"]["alternatives"][0]["words"])
                elif event["type"] == "Metadata":
                    return "" if words else "no words"
            return f"closed {socket.close_code} without the last message"

        return await self._session("deepgram", "/v1/listen?encoding=linear16&sample_rate=24000", speak, listen)

    async def leaver(self, chance: random.Random) -> Outcome:
        """A Realtime session that is lost without a word, at any moment."""
        began = monotonic()
        with suppress(OSError, TimeoutError, websockets.WebSocketException):
            socket = await connect(self._base + "/v1/realtime", open_timeout=_OPEN)
            for piece in self._said(chance)[: chance.randrange(12)]:
                text = base64.b64encode(piece).decode()
                await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": text}))
                await asyncio.sleep(self._pause * chance.random())
            socket.transport.abort()
        return Outcome("live leaver", Verdict.LEFT, began, monotonic())

    def _said(self, chance: random.Random) -> list[bytes]:
        """One of the recordings, in which somebody is known to be heard."""
        return chance.choice(self._recordings)

    async def _session(self, kind: str, path: str, speak: Any, listen: Any) -> Outcome:
        began = monotonic()
        try:
            async with connect(self._base + path, open_timeout=_OPEN, max_size=None) as socket:
                listening = asyncio.create_task(listen(socket))
                try:
                    await speak(socket)
                    detail = await asyncio.wait_for(listening, _LAST)
                finally:
                    listening.cancel()
        except websockets.InvalidStatus as error:
            return _refused(kind, began, error)
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            return Outcome(kind, Verdict.FAILED, began, monotonic(), f"{type(error).__name__}: {error}"[:80])
        return Outcome(kind, Verdict.FAILED if detail else Verdict.ANSWERED, began, monotonic(), detail)


def _refused(kind: str, began: float, error: websockets.InvalidStatus) -> Outcome:
    status, wait = error.response.status_code, error.response.headers.get("retry-after")
    told = status in _REFUSALS and wait is not None
    verdict = Verdict.REFUSED if told else Verdict.FAILED
    return Outcome(kind, verdict, began, monotonic(), str(status), float(wait) if wait is not None else None)
