"""Clients that send files: whole answers, event streams, files that nobody can decode, and clients that leave."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from io import BytesIO
from time import monotonic
from typing import Any

import httpx
import numpy as np
import soundfile  # type: ignore[import-untyped]

from bench.support.clips import HELD_OUT
from bench.traffic.outcome import Outcome, Verdict
from model.seam.audio import Samples

PATH = "/v1/audio/transcriptions"
PATIENCE = 180.0
"""Seconds of silence after which an answer is taken for one that never comes."""
_REFUSALS = frozenset({429, 503})
_OK = 200

Expected = dict[bytes, str]
"""The text of every recording, as an undisturbed server writes it."""
Client = Callable[[random.Random], Awaitable[Outcome]]
"""One request, with chances of its own."""


def recordings(count: int = 6) -> list[bytes]:
    """The shortest held-out recordings: a second or two of speech each."""
    files = sorted(HELD_OUT.glob("brief_*.flac"), key=lambda path: path.stat().st_size)
    return [path.read_bytes() for path in files[:count]]


def decoded(clip: bytes) -> Samples:
    """What is to be heard in it."""
    samples, _ = soundfile.read(BytesIO(clip), dtype="float32")
    return np.asarray(samples, np.float32)


class FileClients:
    """Of one server. ``expected`` is filled by `learn`, before anything happens to the server."""

    def __init__(self, http: httpx.AsyncClient, clips: list[bytes]) -> None:
        self.expected: Expected = {}
        self._http = http
        self._clips = clips

    async def learn(self) -> None:
        """Hear every recording once. Raises httpx.HTTPError."""
        for clip in self._clips:
            answer = await self._http.post(PATH, **_form(clip))
            answer.raise_for_status()
            self.expected[clip] = answer.json()["text"]

    async def upload(self, chance: random.Random) -> Outcome:
        """A form, and the whole answer."""
        return await self._ask("upload", chance.choice(self._clips))

    async def damaged(self, chance: random.Random) -> Outcome:
        """A file of noise, which has to be refused for what it is."""
        began = monotonic()
        try:
            answer = await self._http.post(PATH, **_form(chance.randbytes(20_000)))
        except httpx.HTTPError as error:
            return _lost("damaged", began, error)
        if answer.status_code in {400, 415}:
            return Outcome("damaged", Verdict.ANSWERED, began, monotonic())
        return _refused("damaged", began, answer)

    async def stream(self, chance: random.Random) -> Outcome:
        """Server-sent events: deltas that add up to the text of the last event."""
        clip, began = chance.choice(self._clips), monotonic()
        try:
            async with self._http.stream("POST", PATH, **_form(clip, stream="true")) as answer:
                if answer.status_code != _OK:
                    await answer.aread()
                    return _refused("stream", began, answer)
                events = [json.loads(line[6:]) async for line in answer.aiter_lines() if line.startswith("data: {")]
        except httpx.HTTPError as error:
            return _lost("stream", began, error)
        return self._judged("stream", began, clip, *_text_of(events))

    async def leaver(self, chance: random.Random) -> Outcome:
        """Somebody who does not wait for the answer, and leaves at any moment."""
        began, clip = monotonic(), chance.choice(self._clips)
        ask = self.stream if chance.random() < 0.5 else self.upload
        with suppress(TimeoutError, httpx.HTTPError):
            async with asyncio.timeout(chance.uniform(0.0, 1.5)):
                if chance.random() < 0.3:
                    await self._http.post(PATH, content=_half_a_body(clip, chance), headers=_FORM_HEADERS)
                else:
                    await ask(chance)
        return Outcome("leaver", Verdict.LEFT, began, monotonic())

    async def _ask(self, kind: str, clip: bytes) -> Outcome:
        began = monotonic()
        try:
            answer = await self._http.post(PATH, **_form(clip))
        except httpx.HTTPError as error:
            return _lost(kind, began, error)
        if answer.status_code != _OK:
            return _refused(kind, began, answer)
        return self._judged(kind, began, clip, answer.json()["text"])

    def _judged(self, kind: str, began: float, clip: bytes, text: str | None, detail: str = "") -> Outcome:
        right = text == self.expected[clip]
        verdict = Verdict.ANSWERED if right else Verdict.FAILED if text is None else Verdict.WRONG
        return Outcome(kind, verdict, began, monotonic(), detail)


_FORM_HEADERS = {"content-type": "multipart/form-data; boundary=frontier"}


def _form(clip: bytes, **fields: str) -> dict[str, Any]:
    return {"data": {"model": "vibevoice-asr", **fields}, "files": {"file": ("clip.flac", clip)}}


async def _half_a_body(clip: bytes, chance: random.Random) -> Any:
    """A body that stops in its middle and leaves the server waiting."""
    yield b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="clip.flac"\r\n\r\n'
    yield clip[: chance.randrange(len(clip))]
    await asyncio.Event().wait()


def _text_of(events: list[dict[str, Any]]) -> tuple[str | None, str]:
    """The text of an event stream, or None and why there is none."""
    last = events[-1] if events else {}
    if last.get("type") != "transcript.text.done":
        return None, f"event {last.get('error', {}).get('code', 'missing: the stream was cut off')}"
    deltas = "".join(event["delta"] for event in events if event["type"] == "transcript.text.delta")
    text = str(last["text"])
    return (text, "") if deltas == text else (None, "the deltas are not the text")


def _refused(kind: str, began: float, answer: httpx.Response) -> Outcome:
    try:
        code = answer.json()["error"]["code"]
    except (ValueError, KeyError, TypeError):
        code = answer.text[:60]
    wait = answer.headers.get("retry-after")
    told = answer.status_code in _REFUSALS and wait is not None
    verdict = Verdict.REFUSED if told else Verdict.FAILED
    detail = f"{answer.status_code} {code}"
    return Outcome(kind, verdict, began, monotonic(), detail, float(wait) if wait is not None else None)


def _lost(kind: str, began: float, error: Exception) -> Outcome:
    return Outcome(kind, Verdict.FAILED, began, monotonic(), f"{type(error).__name__}: {error}"[:80])
