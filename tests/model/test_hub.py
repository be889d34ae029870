"""Checkpoints from a hub: small files first, patience with a busy one, a sentence for everything else."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from model.errors import AttentionError, DeviceMemoryError
from model.loading.checkpoint import TINY, CheckpointError, load_checkpoint, open_checkpoint
from model.loading.hub import SMALL_FILES, Repository
from model.start import load_runner
from tests.support.hub import COMMIT, Fault, Hub, running_hub

NAME = "somebody/tiny"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A hub with the bundled checkpoint; huggingface_hub is set to it as ``HF_ENDPOINT`` and ``HF_HOME`` would."""
    with running_hub() as hub:
        hub.repositories[NAME] = TINY
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", "")
        yield hub


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """huggingface_hub asks again by itself, and waits longer before that than a test may."""
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)


def fetch(revision: str | None = None) -> Path:
    return Repository(NAME, revision, delays=(0, 0)).fetch(SMALL_FILES)


def test_small_files_come_first_and_all_of_one_commit(hub: Hub) -> None:
    folder = load_checkpoint(NAME, device="cpu").path
    assert folder.name == COMMIT
    assert (folder / "model.safetensors").read_bytes() == (TINY / "model.safetensors").read_bytes()
    assert hub.fetched()[-1] == "model.safetensors"
    assert "config.json" in hub.fetched()[:-1]
    assert sum("/revision/" in line for line in hub.requests) == 1  # the second fetch names the commit


def refused_before_weights(hub: Hub, folder: Path) -> str:
    hub.repositories[NAME] = folder
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(NAME, device="cpu").load()
    assert caught.value.permanent
    assert "\n" not in str(caught.value)
    assert "config.json" in hub.fetched()
    assert not [name for name in hub.fetched() if name.endswith(".safetensors")]
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model_type": "whisper"}, "'whisper'"),
        ({"quantization_config": {"quant_method": "awq"}}, "awq"),
        ({"audio_token_id": 7}, "belong to different checkpoints"),
    ],
)
def test_a_checkpoint_that_cannot_be_served_costs_no_download(
    hub: Hub, tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    folder = shutil.copytree(TINY, tmp_path / "spoilt")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    assert told in refused_before_weights(hub, folder)


def test_an_attention_that_cannot_run_costs_no_download(hub: Hub) -> None:
    with pytest.raises(AttentionError, match="'flash' cannot run here"):
        load_runner(NAME, device="cpu", attention="flash")
    assert "config.json" in hub.fetched()
    assert "model.safetensors" not in hub.fetched()


def test_weights_that_fit_no_memory_cost_no_download(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.loading.room.device_bytes", lambda _: 1_000_000)
    with pytest.raises(DeviceMemoryError, match="in all"):
        load_runner(NAME, device="cpu")
    assert "model.safetensors" not in hub.fetched()


def test_weights_that_fit_no_disk_are_not_begun(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(TINY, tmp_path / "large")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    index = {"metadata": {"total_size": 10**18}, "weight_map": {"x": "model-00001-of-00001.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    message = refused_before_weights(hub, folder)
    assert "931322574.6 GiB to fetch" in message
    assert "HF_HOME" in message


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 0])
@pytest.mark.parametrize("where", ["/revision/", "/tree/", r"/resolve/.*/config\.json"])
def test_a_busy_hub_is_asked_again(hub: Hub, where: str, status: int, unhurried: None) -> None:
    hub.faults.append(Fault(where, status, times=2))
    assert (fetch() / "config.json").read_bytes() == (TINY / "config.json").read_bytes()
    assert hub.faults[0].times == 0


def test_a_file_that_breaks_off_is_fetched_to_its_end(hub: Hub) -> None:
    hub.faults.append(Fault("/tokenizer.json", -1))
    assert (fetch() / "tokenizer.json").read_bytes() == (TINY / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("status", [429, 503, 0])
def test_a_hub_that_stays_busy_is_an_error_that_may_pass(hub: Hub, status: int) -> None:
    hub.faults.append(Fault("/revision/", status, times=99))
    with pytest.raises(CheckpointError, match=r"hub (is busy|cannot be reached)") as caught:
        fetch()
    assert not caught.value.permanent
    assert sum("/revision/" in line for line in hub.requests) == 3


def test_the_hub_says_how_long_to_wait(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("model.loading.hub.time.sleep", waited.append)
    hub.faults.append(Fault("/revision/", 429, headers={"Retry-After": "7"}))
    fetch()
    assert waited == [7.0]


def test_what_was_fetched_once_needs_no_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = load_checkpoint(NAME, device="cpu").path
    hub.faults.append(Fault("/", 503, times=999))
    assert load_checkpoint(NAME, device="cpu").path == folder
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert load_checkpoint(NAME, device="cpu").path == folder


def told(revision: str | None = None) -> str:
    with pytest.raises(CheckpointError) as caught:
        fetch(revision)
    assert caught.value.permanent
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_repository_that_is_not_there(hub: Hub) -> None:
    del hub.repositories[NAME]
    assert "check its name" in told()
    assert sum("/revision/" in line for line in hub.requests) == 1  # asking again would not help


def test_a_gated_repository_asks_for_terms_and_token(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.gated, hub.token = True, "hf_good"
    assert "accept" in told()
    monkeypatch.setenv("HF_TOKEN", "hf_bad")
    assert "HF_TOKEN" in told()
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    assert (fetch() / "config.json").is_file()


def test_a_revision(hub: Hub) -> None:
    assert "no revision 'v9'" in told("v9")
    hub.revisions.add("v1")
    assert (fetch("v1") / "config.json").is_file()
    assert any("/revision/v1" in line for line in hub.requests)


def test_offline_says_what_to_do(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in told()
    assert not hub.requests


def test_a_full_disk_is_called_one(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("huggingface_hub.file_download.shutil.move", no_room)
    monkeypatch.setattr("huggingface_hub.file_download.http_get", no_room)
    assert "does not fit the disk" in told()


def test_a_cache_that_is_a_file(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file"))
    with pytest.raises(CheckpointError, match=r"could not be fetched|cannot be written"):
        fetch()


def test_no_hub_id(hub: Hub) -> None:
    with pytest.raises(CheckpointError, match="neither a folder nor"):
        Repository("what / ever").fetch(SMALL_FILES)


def test_a_process_of_its_own_goes_by_the_environment(tmp_path: Path) -> None:
    """``HF_ENDPOINT`` and ``HF_HOME`` are read once, when huggingface_hub is imported."""
    script = f"from model.loading.hub import *; print(Repository({NAME!r}).fetch(SMALL_FILES))"
    with running_hub() as hub:
        hub.repositories[NAME] = TINY
        environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
    assert Path(done.stdout.strip()).is_relative_to(tmp_path)
    assert "config.json" in hub.fetched()
