"""A live server, and unmodified clients that speak a recording to it at the speed of speech."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

from model.tiny.recipe.scoring import edits, words_of
from tests.conformance.conftest import KEY, Told, told_by
from tests.support.processes import ROOT, ServerProcess
from tests.support.samples import SHORT, TWO_SPEAKERS
from tests.support.tls_front import certificate_of_this_machine, tls_in_front
from tests.support.tools import missing, tool

HERE = Path(__file__).parent
HEAVY = ROOT / ".venv-conformance" / "bin" / "python"
heavy = pytest.mark.skipif(not HEAVY.exists(), reason="the live clients are not installed (make conformance)")
"""For tests whose client is in the environment of its own."""

WRONG_WORDS = {SHORT: 0.0, TWO_SPEAKERS: 0.4}
"""Of the words of a file's answer, the share that may differ live.

Live text is committed before the end is known, and of two speakers the tiny checkpoint then hears some words otherwise.
"""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recording and the server's answer for it as a file: segments with speaker, text, start and end."""

    recording: Path
    segments: list[dict[str, Any]]

    @property
    def speakers(self) -> list[int]:
        """Who speaks, turn by turn."""
        return turns_of(segment["speaker"] for segment in self.segments)

    def check_text(self, texts: Iterable[str]) -> None:
        """``texts`` one after the other are what was said."""
        said = [word for segment in self.segments for word in words_of(segment["text"])]
        heard = [word for text in texts for word in words_of(text)]
        assert edits(said, heard) <= WRONG_WORDS[self.recording] * len(said), " ".join(heard)


def turns_of(speakers: Iterable[object]) -> list[int]:
    """Each change of speaker; speakers numbered in the order of their first words, so that all labels compare."""
    turns = [speaker for speaker, _ in groupby(speakers)]
    known = list(dict.fromkeys(turns))
    return [known.index(speaker) for speaker in turns]


class Client(Protocol):
    """Runs the script ``name`` on the recording at ``rate`` Hz."""

    def __call__(self, name: str, mode: str = "", *, rate: int, key: str = KEY) -> Told: ...


@pytest.fixture(scope="module")
def answer(server: ServerProcess) -> Callable[[Path], Spoken]:
    def ask(recording: Path) -> Spoken:
        with recording.open("rb") as file:
            response = httpx.post(
                f"{server.url}/v1/audio/transcriptions",
                headers={"authorization": f"Bearer {KEY}"},
                files={"file": file},
                data={"response_format": "diarized_json"},
                timeout=120,
            )
        assert response.status_code == httpx.codes.OK
        return Spoken(recording, response.json()["segments"])

    return cache(ask)


@pytest.fixture(params=[SHORT, TWO_SPEAKERS], ids=lambda path: path.stem)
def spoken(request: pytest.FixtureRequest, answer: Callable[[Path], Spoken]) -> Spoken:
    """What the client speaks: one speaker with a pause, or two in five turns."""
    return answer(request.param)


@dataclass(frozen=True, slots=True)
class Secure:
    """The server by TLS, and what a client trusts its ``certificate`` by."""

    url: str
    certificate: Path


@pytest.fixture(scope="module")
def secure(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    certificate = certificate_of_this_machine(tmp_path_factory.mktemp("certificate"))
    with tls_in_front(server.port, certificate) as url:
        yield Secure(url, certificate)


@pytest.fixture
def client(request: pytest.FixtureRequest, server: ServerProcess, spoken: Spoken, tmp_path: Path) -> Client:
    def run(name: str, mode: str = "", *, rate: int, key: str = KEY) -> Told:
        recording = tmp_path / "recording.wav"
        samples, original = soundfile.read(spoken.recording, dtype="float32")
        soundfile.write(recording, soxr.resample(samples, original, rate), rate, subtype="PCM_16")
        url, environment = server.url, None
        if name == "openai_node":  # takes nothing but wss
            secure: Secure = request.getfixturevalue("secure")
            url, environment = secure.url, {"NODE_EXTRA_CA_CERTS": str(secure.certificate)}
        return told_by([*_script(name), url, key, str(recording), *([mode] if mode else [])], environment)

    return run


def _script(name: str) -> list[str]:
    """How a script is started."""
    module = f"tests.conformance.live.clients.{name}"
    if name == "openai_realtime":
        return [sys.executable, "-m", module]
    if name == "openai_node":
        if not (HERE.parent / "node_modules" / "openai").is_dir():
            missing("the Node client is not installed (npm ci --prefix tests/conformance)")
        # A browser's WebSocket is behind this flag before Node 22.
        return [tool("node", "nodejs 20 or newer"), "--experimental-websocket", str(HERE / "clients" / f"{name}.mjs")]
    return [str(HEAVY), "-m", module]
