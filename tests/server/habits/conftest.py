"""A server whose model has the real one's bad habits, a talk that it hears, and what an answer must be for all that."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from model.seam.audio import SAMPLE_RATE
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
SECONDS = AUDIO.size / SAMPLE_RATE
LONG_TALK = (
    *TALK,
    Said(0, "Then let us look at the numbers first."),
    Said(1, "The red line shows what came in during April."),
    Said(0, "And where do I find everything that went out?"),
    Said(1, "On page seven, below the photograph."),
    Said(0, "Thank you, that is all I wanted to know."),
    Said(1, "Until Thursday, and give my best to your mother."),
)
LONG_AUDIO = audio_of(LONG_TALK)
LONG_WAV = wav_of(LONG_AUDIO)
LONG_SECONDS = LONG_AUDIO.size / SAMPLE_RATE
MINUTES = 0.28
"""Windows of less than seventeen seconds."""
BAD_TURN = 3
"""The turn at which habits set in where a test has no other."""


@dataclass(frozen=True, slots=True)
class Habitual:
    """A server over the double, and a client that stays connected."""

    running: RunningServer
    client: httpx.Client

    def post(self, prompt: str, file: bytes = WAV, **fields: object) -> httpx.Response:
        """What becomes of a recording; ``prompt`` commands habits."""
        given = {"prompt": prompt, "response_format": "verbose_json"} | fields
        return self.client.post("/v1/audio/transcriptions", files={"file": file}, data=given)

    def stream(self, prompt: str, file: bytes = WAV, **fields: object) -> list[dict[str, Any]]:
        """The events of the same as it comes."""
        response = self.post(prompt, file, response_format="diarized_json", stream="true", **fields)
        assert response.status_code == httpx.codes.OK
        return [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]

    @property
    def tokens(self) -> float:
        """Of all answers so far."""
        return self.running.metric("asr_answer_tokens_total")


@contextmanager
def habitual_server(
    checkpoint: Path, *, talk: Sequence[Said] = LONG_TALK, forced: bool = True, **settings: Any
) -> Iterator[Habitual]:
    """Speaks the checkpoint's vocabulary. ``talk``, ``forced``: see HabitualRunner."""
    runner = partial(HabitualRunner, checkpoint=checkpoint, talk=talk, forced=forced)
    with (
        running_server(runner, **settings) as running,
        httpx.Client(base_url=running.url, timeout=60, verify=False) as client,
    ):
        yield Habitual(running, client)


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Habitual]:
    """In the real checkpoint's tokens; it takes jobs, and hears the long talk in windows."""
    folder = tmp_path_factory.mktemp("jobs")
    with habitual_server(
        snapshot(), jobs_folder=folder, window_minutes=MINUTES, speaker_continuity="introduced"
    ) as habitual:
        yield habitual


@pytest.fixture(scope="package")
def unguarded() -> Iterator[Habitual]:
    """Answers run in circles here until somebody stops them."""
    with habitual_server(snapshot(), forced=False, loop_guard=False) as habitual:
        yield habitual


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
    """Times are those of the audio."""
    for segment in segments:
        assert 0 <= segment["start"] <= segment["end"] <= seconds + 0.01, segment
