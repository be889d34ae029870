"""Microsoft's two scripts for its own server, as they stand in its repository: fetched by `make conformance`."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

from tests.conformance.clients import MICROSOFT
from tests.conformance.conftest import CLIENT_DEADLINE
from tests.server.audio_in.audio_media import Format, media
from tests.server.habits.conftest import WAV, Habitual, habitual_server, said
from tests.support.habits import Cure, Habit, command
from tests.support.processes import ServerProcess
from tests.support.samples import TWO_SPEAKERS, truth
from tests.support.snapshot import snapshot

PYTHON, SCRIPTS = MICROSOFT / "bin" / "python", MICROSOFT / "scripts"
SUMS = Path(__file__).with_name("sha256sums")
RULE = "-" * 50
"""What both scripts print before and behind an answer."""

pytestmark = pytest.mark.skipif(
    not (MICROSOFT / ".installed").exists(), reason="Microsoft's scripts are not there (make conformance)"
)


def run(script: str, url: str, recording: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """A script as its own usage says it is started."""
    return subprocess.run(
        [str(PYTHON), str(SCRIPTS / script), str(recording), *more, "--url", url],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        timeout=CLIENT_DEADLINE,
        check=True,
    )


def printed(done: subprocess.CompletedProcess[str]) -> str:
    """The answer that a script showed."""
    assert "✅ [Finished]" in done.stdout, done.stdout
    return done.stdout.split(RULE)[1].strip()


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The scripts send no key."""
    with ServerProcess(log=tmp_path_factory.mktemp("server") / "log") as server:
        server.wait_ready()
        yield server


@pytest.fixture(scope="module")
def looping() -> Iterator[Habitual]:
    """Answers run in circles here until somebody stops them."""
    with habitual_server(snapshot(), forced=False, loop_guard=False) as habitual:
        yield habitual


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    path.write_bytes(WAV)
    return path


@pytest.mark.client("Microsoft's `test_api.py`", "Microsoft's `test_api_auto_recover.py`")
def test_they_are_unmodified() -> None:
    for line in SUMS.read_text().splitlines():
        expected, name = line.split()
        assert hashlib.sha256((SCRIPTS / name).read_bytes()).hexdigest() == expected, name


def contents(answer: str) -> list[str]:
    segments: list[dict[str, Any]] = json.loads(answer)
    return [segment["Content"] for segment in segments]


@pytest.mark.client("Microsoft's `test_api.py`")
@pytest.mark.parametrize("hotwords", [(), ("--hotwords", "lumi,tasa")])
def test_a_file_is_told(keyless: ServerProcess, hotwords: tuple[str, ...]) -> None:
    answer = printed(run("test_api.py", keyless.url, TWO_SPEAKERS, *hotwords))
    heard = contents(answer)
    assert len(heard) == len(truth(TWO_SPEAKERS))
    if not hotwords:
        assert heard == [turn["Content"] for turn in truth(TWO_SPEAKERS)]


@pytest.mark.client("Microsoft's `test_api.py`")
def test_the_sound_of_a_video_is_told(keyless: ServerProcess, tmp_path: Path) -> None:
    """It makes MP3 of it by ffmpeg."""
    samples, rate = soundfile.read(TWO_SPEAKERS, dtype="float32")
    video = tmp_path / "talk.mp4"
    video.write_bytes(media(Format("mp4", "aac"), 48_000, wave=soxr.resample(samples, rate, 48_000)[None]))
    done = run("test_api.py", keyless.url, video)
    assert "Audio extracted" in done.stdout
    assert len(contents(printed(done))) == len(truth(TWO_SPEAKERS))


@pytest.mark.client("Microsoft's `test_api_auto_recover.py`")
@pytest.mark.parametrize(
    ("turn", "cure"), [(None, None), (3, Cure.HOTTER), (0, Cure.TEMPERATURE), (4, Cure.BEHIND)], ids=str
)
def test_it_recovers_from_answers_that_run_in_circles(
    looping: Habitual, talk: Path, tmp_path: Path, turn: int | None, cure: Cure | None
) -> None:
    hotwords = ("--hotwords", command(Habit.PHRASE, cure, turn=turn)) if turn is not None and cure else ()
    result = tmp_path / "result.txt"
    done = run("test_api_auto_recover.py", looping.running.url, talk, str(result), *hotwords, "--debug")
    heard = contents(result.read_text("utf-8"))
    assert ("[RECOVERY #" in done.stderr) == bool(hotwords), done.stderr
    assert heard == said()
    assert "".join(printed(done).split()) == "".join(result.read_text("utf-8").split())
    looping.running.wait_for(lambda: looping.running.metric("asr_active_streams") == 0, "whom it left is let go")


@pytest.mark.client("Microsoft's `test_api_auto_recover.py`")
def test_a_loop_without_a_cure_is_given_up_by_the_script_and_ends_here(looping: Habitual, talk: Path) -> None:
    endless = command(Habit.PHRASE, Cure.NEVER, turn=3)
    done = run("test_api_auto_recover.py", looping.running.url, talk, "--hotwords", endless, "--debug")
    assert "[MAX RETRIES REACHED]" in done.stderr
    looping.running.wait_for(lambda: looping.running.metric("asr_active_streams") == 0, "whom it left is let go")
