"""Without a server: the engine in a process of its own, which is gone whatever ends the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import server.in_process as in_process
from server.app import engine_settings
from server.commandline.transcribe import run as running
from server.engine.client.engine import Engine
from server.settings import Settings
from tests.server.commandline.conftest import PATIENCE, Here, command, environment
from tests.server.http.conftest import tone
from tests.support.processes import wait_until
from tests.support.speaking_runner import TEXT, SpeakingRunner


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    """Those that were made, with a model that says what a script says."""
    made: list[Engine] = []

    def make(settings: Settings, failed_starts: int) -> Engine:
        assert failed_starts == 1
        made.append(Engine(partial(SpeakingRunner), engine_settings(settings)))
        return made[-1]

    monkeypatch.setattr(in_process, "make_engine", make)
    monkeypatch.setenv("VIBEVOICE_MODEL", "tiny")
    return made


@pytest.fixture
def talk(tmp_path: Path) -> str:
    (tmp_path / "talk.wav").write_bytes(tone(3.0))
    return "talk.wav"


def alive(engine: Engine) -> bool:
    return engine.worker_pid is not None


def test_formats_are_those_of_a_server(here: Here, engines: list[Engine], talk: str, tmp_path: Path) -> None:
    status, printed, said = here(["transcribe", talk, "-f", "text,rttm,verbose_json", "-o", "out"])
    assert (status, printed) == (0, ""), said
    assert (tmp_path / "out/talk.txt").read_text() == f"{TEXT}\n"
    assert (tmp_path / "out/talk.rttm").read_text().startswith("SPEAKER talk 1 0.000 1.200 ")
    assert '"speaker": "B"' in (tmp_path / "out/talk.verbose.json").read_text()
    assert not alive(engines[0])


def test_an_instruction_is_answered_in_the_models_words(here: Here, engines: list[Engine], talk: str) -> None:
    assert here(["transcribe", talk, "--instruction", "[They greet.]", "-q"])[:2] == (0, "[They greet.]\n")
    status, printed, said = here(["transcribe", talk, "--instruction", "[They greet.]", "-f", "text,srt"])
    assert (status, printed) == (1, "")
    assert "srt needs to know what is said when" in said


def test_a_checkpoint_that_has_to_be_fetched_is_told_before(here: Here, engines: list[Engine], talk: str) -> None:
    told = "somebody/asr is not on this machine, and is fetched now."
    assert told in here(["transcribe", talk, "--model", "somebody/asr"])[2]
    assert told not in here(["transcribe", talk, "--model", "tiny"])[2]


def test_what_is_wrong_is_told_as_a_server_tells_it(here: Here, engines: list[Engine], tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    status, _, said = here(["transcribe", "bad.wav", "--language", "klingon!"])
    assert (status, "language" in said) == (1, True)
    status, _, said = here(["transcribe", "bad.wav"])
    assert (status, "bad.wav: The file is not audio" in said) == (1, True)
    assert not any(map(alive, engines))


def test_the_worker_is_gone_after_an_error_of_the_program(
    here: Here, engines: list[Engine], talk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(running, "write", broken)
    with pytest.raises(ZeroDivisionError):
        here(["transcribe", talk, "-o", "out"])
    assert not alive(engines[0])


def test_settings_that_make_no_sense_are_told(here: Here, talk: str) -> None:
    status, _, said = here(["transcribe", talk, "--weights", "int3"])
    assert (status, "--weights Input should be" in said) == (2, True)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_the_model_loads_leaves_nothing_behind(tmp_path: Path, number: int, status: int) -> None:
    (tmp_path / "talk.wav").write_bytes(tone(1.0))
    with subprocess.Popen(
        command("transcribe", "talk.wav", "--model", "tiny"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=tmp_path,
        start_new_session=True,
    ) as process:

        def children() -> list[str]:
            return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()

        wait_until(lambda: len(children()) >= 1, "the worker is started", PATIENCE)
        pids = [int(pid) for pid in children()]
        process.send_signal(number)
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
        assert process.wait(PATIENCE) == status

    def gone() -> bool:
        return not any(_runs(pid) for pid in pids)

    wait_until(gone, "its processes are gone", PATIENCE)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
