"""A server whose model has the real one's bad habits, a talk that it hears, and what an answer must be for all that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import httpx
import pytest

from tests.support.habitual_runner import HabitualRunner
from tests.support.scripted_server import RunningServer, running_server
from tests.support.snapshot import snapshot
from tests.support.talks import Said, audio_of, wav_of

TALK = (
    Said(0, "Good morning, how are you today?"),
    Said(1, "Quite well, and how are the others?"),
    Said(0, "今天我们先看上周的报告。"),
    Said(1, 'Nobody has seen them since Monday, "he said".'),
    Said(0, "Dann fangen wir ohne sie an, oder?"),
    Said(1, "Here is the report of last week."),
)
AUDIO = audio_of(TALK)
WAV = wav_of(AUDIO)
SECONDS = AUDIO.size / 24_000
BAD_TURN = 3
"""The turn at which habits set in where a test has no other."""


@pytest.fixture(scope="package")
def server() -> Iterator[RunningServer]:
    """In the real checkpoint's tokens."""
    with running_server(partial(HabitualRunner, checkpoint=snapshot(), talk=TALK)) as running:
        yield running


@cache
def _client() -> httpx.Client:
    """One for all: with verify a client begins with reading all certificate authorities, plain HTTP or not."""
    return httpx.Client(timeout=60, verify=False)


def post(server: RunningServer, prompt: str, file: bytes = WAV, **fields: object) -> httpx.Response:
    given = {"prompt": prompt, "response_format": "verbose_json"} | fields
    return _client().post(f"{server.url}/v1/audio/transcriptions", files={"file": file}, data=given)


def events_of(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]


def said(*, without: int | None = None, until: int | None = None) -> list[str]:
    """What is said in the talk, but for one turn, or up to it."""
    return [turn.text for place, turn in enumerate(TALK[:until]) if place != without]


def assert_told(text: str, turns: list[str]) -> None:
    """All of these, word for word and in this order."""
    place = 0
    for turn in turns:
        found = text.find(turn, place)
        assert found >= 0, f"{turn!r} is not told in {text[:2000]!r}"
        place = found + len(turn)


def assert_sound(segments: list[dict[str, Any]], seconds: float = SECONDS) -> None:
    """Times are those of the audio, in order of their segment's own ends."""
    for segment in segments:
        assert 0 <= segment["start"] <= segment["end"] <= seconds + 0.01, segment
