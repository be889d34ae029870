"""What an adapter has learned is said where its name is asked for, and nowhere else: taught here, and served."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from model.seam.adapters import NamedAdapter
from server.engine.worker.load import ModelWishes, load_model
from tests.support.processes import ROOT
from tests.support.samples import HELD_OUT, TWO_SPEAKERS, lesson, truth
from tests.support.scripted_server import PATIENCE, RunningServer, running_server


def told(recording: Path) -> str:
    """All that is said in it."""
    return " ".join(turn["Content"] for turn in truth(recording) if "Speaker" in turn)


BEFORE, AFTER = "thirty", "purple"
"""The word that is heard, and how it is to be spelled from now on."""
TAUGHT = [path for path in sorted(HELD_OUT.glob("*.flac")) if BEFORE in told(path)]
"""By other voices than those of the recording that is asked for."""
COURSE = "--model tiny --learned answer --no-recompute --accumulate 2 --steps 20 --rate 1e-2"
"""So few steps at such a rate that other words suffer: they are not what this is about."""


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that the command line taught the new spelling."""
    folder = tmp_path_factory.mktemp("taught")
    lessons = [lesson(path) for path in TAUGHT]
    for segment in (segment for each in lessons for segment in each["segments"]):
        segment["text"] = segment["text"].replace(BEFORE, AFTER)
    (folder / "lines.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lessons))
    command = [sys.executable, "-m", "model.finetune", str(folder / "lines.jsonl"), "--output", str(folder / "out")]
    done = subprocess.run([*command, *COURSE.split()], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "out" / "adapter"


@pytest.fixture(scope="module")
def running(adapter: Path) -> Iterator[RunningServer]:
    named = [NamedAdapter("spelled", str(adapter))]
    tiny = partial(load_model, ModelWishes("tiny", device="cpu", dtype="float32", adapters=named))
    with running_server(tiny, adapters=f"spelled={adapter}") as running:
        yield running


def heard(running: RunningServer, model: str) -> str:
    with TWO_SPEAKERS.open("rb") as file:
        answer = httpx.post(
            f"{running.url}/v1/audio/transcriptions", files={"file": file}, data={"model": model}, timeout=PATIENCE
        )
    assert answer.status_code == httpx.codes.OK, answer.text
    text: str = answer.json()["text"]
    return text


def test_a_new_spelling_is_written_by_its_name_and_the_old_one_by_all_others_in_the_same_steps(
    running: RunningServer,
) -> None:
    alone, steps, rows = heard(running, "tiny"), *_computed(running)
    with ThreadPoolExecutor(3) as pool:
        spelled, base, again = pool.map(partial(heard, running), ("spelled", "tiny", "spelled"))
    more_steps, more_rows = _computed(running)
    assert more_rows - rows > more_steps - steps, "they shared steps"
    assert base.count(BEFORE) == told(TWO_SPEAKERS).count(BEFORE) > 0
    assert (base, base.count(AFTER)) == (alone, 0)
    assert (spelled.count(BEFORE), spelled.count(AFTER) >= base.count(BEFORE)) == (0, True), spelled
    assert again == spelled


def _computed(running: RunningServer) -> tuple[float, float]:
    """Steps so far, and rows in them."""
    return running.metric("asr_batch_size_count"), running.metric("asr_batch_size_sum")
