"""The bundled checkpoint on a talk of more than a minute: in windows it is told as one, whole and streamed.

In one pass the twin tells the first minute as well as windows do, and the rest worse.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples
from model.tiny.recipe.scoring import edits, words_of
from server.engine.worker.load import ModelWishes, load_model
from server.recordings.windowed.windowing import SpeakerContinuity
from tests.support.samples import SAMPLES, truth
from tests.support.scripted_server import RunningServer, running_server
from tests.support.talks import wav_of

RECORDING = SAMPLES / "long.flac"
PEOPLE = (0, 2)
"""Of the three in the sample, two whom the twin tells apart both ways."""
WINDOW = 0.5
"""Minutes, with which the twin hears all turns of this talk both ways."""
WELL_HEARD = 60.0
"""Seconds that one pass is good for."""
TOLERANCE = 0.5
"""Seconds."""


class Turn(NamedTuple):
    start: float
    end: float
    speaker: Any
    text: str


@cache
def talk() -> tuple[Samples, list[Turn]]:
    """Everything that these people say in the sample, with the pauses around it, and once more in another order."""
    samples = soundfile.read(RECORDING, dtype="float32")[0]
    entries = [entry for entry in truth(RECORDING) if "Speaker" in entry]
    own = [place for place, entry in enumerate(entries) if entry["Speaker"] in PEOPLE]
    parts: list[Samples] = []
    turns: list[Turn] = []
    at = 0.0
    for place in (*own, *own[::2], *own[1::2]):
        entry = entries[place]
        before = entries[place - 1]["End"] if place else 0.0
        after = entries[place + 1]["Start"] if place + 1 < len(entries) else samples.size / SAMPLE_RATE
        first = max((before + entry["Start"]) / 2, entry["Start"] - TOLERANCE)
        last = min((entry["End"] + after) / 2, entry["End"] + TOLERANCE)
        parts.append(samples[round(first * SAMPLE_RATE) : round(last * SAMPLE_RATE)])
        times = (at + entry["Start"] - first, at + entry["End"] - first)
        turns.append(Turn(*times, entry["Speaker"], entry["Content"]))
        at += parts[-1].size / SAMPLE_RATE
    return np.concatenate(parts), turns


@dataclass(frozen=True, slots=True)
class Twin:
    running: RunningServer
    client: httpx.Client

    def post(self, **fields: str) -> httpx.Response:
        files = {"file": ("talk.wav", wav_of(talk()[0]))}
        answer = self.client.post("/v1/audio/transcriptions", files=files, data=fields)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer

    def hear(self, continuity: SpeakerContinuity) -> None:
        """Windows are heard so from now on: what the setting says, without another engine."""
        windows = self.running.service.recordings._windows
        windows._windowing = replace(windows._windowing, continuity=continuity)


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    factory = partial(load_model, ModelWishes("tiny", device="cpu", dtype="float32"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        with (
            running_server(factory, window_minutes=WINDOW, voice_encoder="ge2e") as running,
            httpx.Client(base_url=running.url, timeout=300) as client,
        ):
            yield Twin(running, client)


@pytest.fixture(scope="module")
def whole(twin: Twin) -> list[Turn]:
    """In one pass."""
    answer = twin.post(response_format="verbose_json", chunking_strategy="none").json()
    assert not answer.get("notes"), answer["notes"]
    return spoken(answer["segments"])


def spoken(segments: list[dict[str, Any]]) -> list[Turn]:
    return [Turn(one["start"], one["end"], one["speaker"], one["text"]) for one in segments if one["speaker"]]


def wrong(told: list[Turn], expected: list[Turn]) -> int:
    """Words that are other ones, lost, or there too often."""
    return edits(*(words_of(" ".join(turn.text for turn in turns)) for turns in (expected, told)))


def until(turns: list[Turn], seconds: float) -> list[Turn]:
    return [turn for turn in turns if turn.end < seconds]


def partition(told: list[Turn], expected: list[Turn]) -> set[tuple[Any, Any]]:
    """Who is whom, by when they speak."""
    return {
        (one.speaker, other.speaker)
        for one in told
        for other in expected
        if other.start < (one.start + one.end) / 2 < other.end
    }


@pytest.mark.parametrize("continuity", list(SpeakerContinuity))
def test_windows_tell_one_talk(twin: Twin, whole: list[Turn], continuity: SpeakerContinuity) -> None:
    twin.hear(continuity)
    answer = twin.post(response_format="diarized_json", stream="true")
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    said = talk()[1]
    deltas = "".join(event["delta"] for event in events if event["type"] == "transcript.text.delta")
    assert deltas == events[-1]["text"]
    told = spoken([event for event in events if event["type"] == "transcript.text.segment"])
    assert " ".join(turn.text for turn in told) == deltas

    words = len(words_of(deltas))
    assert wrong(told, said) < min(words / 8, wrong(whole, said))
    heard_twice = [until(turns, WELL_HEARD) for turns in (told, whole)]
    assert wrong(*heard_twice) < words / 16, "where one pass hears well"

    assert len(told) == len(said), "none is lost, and none comes twice"
    for one, other in zip(told, said, strict=True):
        assert abs(one.start - other.start) < TOLERANCE
        assert abs(one.end - other.end) < TOLERANCE
    people = partition(told, said)
    assert len(people) == len(PEOPLE) == len({name for name, _ in people})
    assert people == partition(until(whole, WELL_HEARD), said)
