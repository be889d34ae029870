"""Clients that transcribe one recording again and again, and what each of their requests came to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
from openai import AsyncOpenAI

Call = Callable[[AsyncOpenAI, Path], Coroutine[Any, Any, str]]
TIMEOUT = 60.0
"""Seconds of silence after which a client gives up: a request that hangs."""


class SilentCutError(Exception):
    """An event stream ended like a whole one, without its last event."""


async def upload(client: AsyncOpenAI, recording: Path) -> str:
    """The text of a plain answer."""
    return (await client.audio.transcriptions.create(file=recording, model="vibevoice-asr")).text


async def stream(client: AsyncOpenAI, recording: Path) -> str:
    """The text of a streamed answer. Raises SilentCutError."""
    text = None
    answer = client.audio.transcriptions.create(file=recording, model="vibevoice-asr", stream=True)
    async with await answer as events:
        async for event in events:
            if event.type == "transcript.text.done":
                text = event.text
    if text is None:
        raise SilentCutError
    return text


@dataclass(frozen=True)
class Outcome:
    """How one request ended: with a text or with an error. Times by the monotonic clock."""

    began: float
    ended: float
    text: str | None = None
    error: Exception | None = None


@dataclass
class Load:
    """What several clients in a loop have seen so far."""

    outcomes: list[Outcome] = field(default_factory=list)
    _another: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.error]

    def add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._another.set()

    async def more(self, requests: int, seconds: float = 120) -> None:
        """Until so many further requests have ended."""
        wanted = len(self.outcomes) + requests
        async with asyncio.timeout(seconds):
            while len(self.outcomes) < wanted:
                self._another.clear()
                await self._another.wait()


async def _repeat(call: Call, client: AsyncOpenAI, recording: Path, load: Load, stop: asyncio.Event) -> None:
    while not stop.is_set():
        began = time.monotonic()
        try:
            text = await call(client, recording)
        except (openai.OpenAIError, SilentCutError) as error:
            load.add(Outcome(began, time.monotonic(), error=error))
        else:
            load.add(Outcome(began, time.monotonic(), text=text))


@asynccontextmanager
async def load_on(url: str, recording: Path, *, uploads: int, streams: int, retries: int = 0) -> AsyncIterator[Load]:
    """So many clients of each kind, each sending its next request when the last ended; at the end they finish."""
    load, stop = Load(), asyncio.Event()
    calls: Sequence[Call] = [upload] * uploads + [stream] * streams
    async with (
        AsyncOpenAI(base_url=f"{url}/v1", api_key="-", max_retries=retries, timeout=TIMEOUT) as client,
        asyncio.TaskGroup() as clients,
    ):
        for call in calls:
            clients.create_task(_repeat(call, client, recording, load, stop))
        try:
            yield load
        finally:
            stop.set()
