"""Which checkpoint there is, and how it is fetched: from a hub on this machine, with faults on order."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from model.errors import DeviceMemoryError
from model.seam.runner import RunnerInfo
from server.engine.worker import load
from tests.server.commandline.conftest import Here, called
from tests.support.hub import COMMIT, Fault, Hub, running_hub
from tests.support.processes import ROOT

NAME = "somebody/asr"
CHECKPOINT = ROOT / "model" / "tiny" / "checkpoint"
WEIGHTS = "model.safetensors"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as made:
        made.repositories[NAME] = CHECKPOINT
        made.true_tags = True
        yield made


def pulled(hub: Hub, folder: Path, *more: str, **variables: str) -> tuple[int, str, str]:
    """``models pull`` with a cache in ``folder``."""
    settings: dict[str, Any] = {**variables, "HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "hf")}
    done = called("models", "pull", NAME, *more, cwd=folder, **settings)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_checkpoint_is_fetched_checked_and_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    status, printed, said = pulled(hub, tmp_path)
    assert status == 0, said
    folder = Path(printed.rstrip())
    assert folder.name == COMMIT
    assert {file.name for file in folder.iterdir()} == {file.name for file in CHECKPOINT.iterdir() if file.is_file()}
    digests = {hashlib.sha256((place / WEIGHTS).read_bytes()).hexdigest() for place in (folder, CHECKPOINT)}
    assert len(digests) == 1
    assert "checking, 100 %" in said
    hub.requests.clear()
    assert pulled(hub, tmp_path, "-q") == (0, printed, "")
    assert hub.fetched() == []


def test_what_broke_off_goes_on_where_it_was(hub: Hub, tmp_path: Path) -> None:
    large = tmp_path / "large"
    shutil.copytree(CHECKPOINT, large)
    with (large / WEIGHTS).open("ab") as file:
        file.write(bytes(16 << 20))  # the library keeps what came in pieces of ten megabytes
    hub.repositories[NAME] = large
    hub.faults.append(Fault(f"resolve/.*/{WEIGHTS}", -1, times=2))
    status, printed, said = pulled(hub, tmp_path)
    assert status == 0, said
    assert (Path(printed.rstrip()) / WEIGHTS).read_bytes() == (large / WEIGHTS).read_bytes()
    assert hub.ranges == [WEIGHTS], "the second time asks for the rest alone"


def test_a_damaged_file_is_told_and_gone(hub: Hub, tmp_path: Path) -> None:
    hub.damaged = WEIGHTS
    status, printed, said = pulled(hub, tmp_path)
    assert (status, printed) == (1, "")
    assert f"{WEIGHTS} is damaged" in said
    hub.damaged = None
    assert pulled(hub, tmp_path)[0] == 0


def test_without_a_network_it_is_told_what_helps(hub: Hub, tmp_path: Path) -> None:
    status, _, said = pulled(hub, tmp_path, HF_HUB_OFFLINE="1")
    assert status == 1
    assert "HF_HUB_OFFLINE is set" in said
    assert f"hf download {NAME}" in said


def test_another_model_is_told_before_its_weights_are_fetched(hub: Hub, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps({"model_type": "whisper", "architectures": ["Whisper"]}))
    (other / WEIGHTS).write_bytes(b"weights")
    hub.repositories[NAME] = other
    status, _, said = pulled(hub, tmp_path)
    assert (status, "holds a model of type 'whisper'" in said) == (1, True)
    assert hub.fetched() == ["config.json"]


def test_one_that_is_not_here_is_told_without_a_question_to_anybody(hub: Hub, tmp_path: Path) -> None:
    done = called("models", "show", NAME, cwd=tmp_path, HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path / "hf"))
    assert done.returncode == 1
    assert f"problem     It is not on this machine: vibevoice-asr models pull {NAME}" in done.stdout
    assert hub.requests == []


def test_one_that_fits_is_told_in_durations(
    here: Here, foreseen: Callable[[RunnerInfo], None], tiny_info: RunnerInfo
) -> None:
    foreseen(tiny_info)
    status, printed, _ = here(["models", "show", "tiny"])
    assert status == 0
    lines = dict(line.split(maxsplit=1) for line in printed.splitlines())
    assert lines["folder"] == str(CHECKPOINT)
    assert lines["files"].endswith("MiB of weights")  # 0.01 GiB would say nothing
    assert lines["longest"] == "20 min in one pass"
    assert lines["room"].startswith("recordings of up to 240 min, 20 min of it heard at once")
    told = json.loads(here(["models", "show", "tiny", "--json"])[1])
    assert told["fits"]
    assert told["files_bytes"] == (CHECKPOINT / WEIGHTS).stat().st_size


def test_one_that_does_not_fit_is_told_with_what_helps(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise DeviceMemoryError("The GPU's memory of 8.00 GiB has room for 0 minutes: take --weights nf4.")

    monkeypatch.setattr(load, "foresee_model", refuse)
    status, printed, _ = here(["models", "show", "tiny"])
    assert (status, "problem     The GPU's memory" in printed) == (1, True)
