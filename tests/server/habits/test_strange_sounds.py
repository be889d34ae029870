"""The bundled checkpoint on what is no speech, or none that it knows: finite work, a sound answer, nothing for ever.

What it makes up is its own: nobody asks for sense here.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples
from server.engine.worker.load import ModelWishes, load_model
from tests.server.habits.conftest import Habitual, assert_sound
from tests.support.samples import HELD_OUT, SHORT
from tests.support.scripted_server import running_server
from tests.support.talks import wav_of

RECORDINGS = Path(__file__).with_name("recordings")
SECONDS = 4.0
TIME = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
WINDOW = 0.25
"""Minutes."""
HOURS = 2
Sound = npt.NDArray[Any]


@pytest.fixture(scope="module")
def twin() -> Iterator[Habitual]:
    factory = partial(load_model, ModelWishes("tiny", device="cpu", dtype="float32"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        with (
            running_server(factory, window_minutes=WINDOW) as running,
            httpx.Client(base_url=running.url, timeout=120, verify=False) as client,
        ):
            yield Habitual(running, client)


def white() -> Sound:
    return 0.1 * np.random.default_rng(1).standard_normal(TIME.size)


def pink() -> Sound:
    spectrum = np.fft.rfft(white())
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.size), 40) / 40), TIME.size)


def babble() -> Sound:
    """Six people at once."""
    clips = [soundfile.read(path)[0] for path in sorted(HELD_OUT.glob("brief_*.flac"))[:6]]
    mixed: Sound = 0.4 * np.sum([np.resize(clip, TIME.size) for clip in clips], axis=0)
    return mixed


def chords() -> Sound:
    roots = 220 * 2 ** (np.array([0, 5, 7, 3, 0, 8, 10, 5])[(TIME * 2).astype(int)] / 12)
    notes = [np.sin(2 * np.pi * TIME * roots * ratio) for ratio in (1, 1.25, 1.5, 2)]
    played: Sound = 0.1 * np.sum(notes, axis=0) * np.exp(-3 * (TIME * 2 % 1))
    return played


def rhythm() -> Sound:
    return white() * np.exp(-40 * (TIME * 4 % 1)) * 5


def clicks() -> Sound:
    return np.where(np.arange(TIME.size) % (SAMPLE_RATE // 3) == 0, 0.9, 0.0)


def tone() -> Sound:
    wave: Sound = 0.5 * np.sin(2 * np.pi * 1_000 * TIME)
    return wave


def clipped() -> Sound:
    """Speech at forty times what fits."""
    speech: Sound = np.resize(soundfile.read(SHORT)[0], TIME.size)
    clipped: Sound = np.clip(40 * speech, -1, 1)
    return clipped


def constant() -> Sound:
    return np.full(TIME.size, 0.5)


def hum() -> Sound:
    waves: Sound = 0.3 * np.sum([np.sin(2 * np.pi * 50 * k * TIME) / k for k in range(1, 9)], axis=0)
    return waves


def whisper() -> Sound:
    """Noise so soft that hardly a bit moves."""
    return np.sign(white()) / 32_768


def alarm() -> Sound:
    """Twice a second up and down."""
    return 0.4 * np.sin(2 * np.pi * np.cumsum(900 + 500 * np.sin(2 * np.pi * 2 * TIME)) / SAMPLE_RATE)


def a_sample() -> Sound:
    return np.array([0.5])


SOUNDS = [white, pink, babble, chords, rhythm, clicks, tone, clipped, constant, hum, whisper, alarm, a_sample]


def check(twin: Habitual, file: bytes, seconds: float) -> dict[str, Any]:
    """The answer is a sound one. Returns it."""
    before = twin.tokens
    answer = twin.post("", file)
    assert answer.status_code == httpx.codes.OK, answer.text
    assert twin.tokens - before < 300 + 60 * seconds
    body: dict[str, Any] = answer.json()
    assert_sound(body["segments"], seconds)
    text = body["text"]
    words = re.findall(r"\w+", text.lower())
    assert max((len(list(run)) for _, run in groupby(words)), default=0) < 10, text
    assert len(text) < 60 + 40 * seconds, text
    return body


@pytest.mark.parametrize("sound", SOUNDS, ids=lambda sound: sound.__name__)
def test_what_is_no_speech(twin: Habitual, sound: object) -> None:
    assert callable(sound)
    samples: Samples = np.asarray(sound(), np.float32)
    check(twin, wav_of(samples), samples.size / SAMPLE_RATE)


@pytest.mark.parametrize("sound", [pink, chords], ids=lambda sound: sound.__name__)
def test_what_is_no_speech_does_not_end_with_a_window(twin: Habitual, sound: object) -> None:
    """Nowhere is a pause to cut at."""
    assert callable(sound)
    samples: Samples = np.resize(np.asarray(sound(), np.float32), round(70 * WINDOW * SAMPLE_RATE))
    body = check(twin, wav_of(samples), samples.size / SAMPLE_RATE)
    assert "The recording was heard in 2 windows." in body["notes"]


@pytest.mark.parametrize("name", ["strangers", "person"])
def test_people_it_does_not_know(twin: Habitual, name: str) -> None:
    """Another synthesiser's words in ten seconds, and a human being over a window's border."""
    file = RECORDINGS / f"{name}.opus"
    check(twin, file.read_bytes(), soundfile.info(file).duration)


def test_what_is_streamed_of_babble_is_the_final_text(twin: Habitual) -> None:
    events = twin.stream("", wav_of(np.asarray(np.tile(babble(), 3), np.float32)))
    assert events[-1]["type"] == "transcript.text.done"
    deltas = (event["delta"] for event in events if event["type"] == "transcript.text.delta")
    assert "".join(deltas) == events[-1]["text"]


def test_much_silence_costs_no_model_time(twin: Habitual) -> None:
    """Two hours: windows in which nobody speaks are not heard at all."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros(HOURS * 3_600 * 8_000, np.int16), 8_000, format="FLAC")
    frames = twin.running.metric("asr_encoded_frames_total")
    answer = twin.post("", file.getvalue()).json()
    assert answer["text"] == ""
    assert answer["duration"] == pytest.approx(HOURS * 3_600)
    assert_sound(answer["segments"], HOURS * 3_600)
    assert twin.running.metric("asr_encoded_frames_total") == frames


def test_somebody_speaks_once_in_much_silence(twin: Habitual) -> None:
    speech = soundfile.read(SHORT, dtype="float32")[0]
    samples = np.zeros(SAMPLE_RATE * 120, np.float32)
    samples[SAMPLE_RATE * 70 :][: speech.size] = speech
    segments = [one for one in twin.post("", wav_of(samples)).json()["segments"] if one["speaker"]]
    assert segments
    assert all(69 < one["start"] < one["end"] < 71 + speech.size / SAMPLE_RATE for one in segments)
