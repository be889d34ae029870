"""Voice encoders out of ONNX files: the bundled ones on held-out voices, and others that are taken or refused."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from onnx import TensorProto, helper

from model.seam.audio import SAMPLE_RATE, Samples
from server.voices.encoder import Likeness
from server.voices.errors import UnusableVoiceEncoder
from server.voices.filterbank import features
from server.voices.onnx_encoder import OnnxVoiceEncoder
from server.voices.opening import BUNDLED, open_voice_encoder
from tests.support.processes import ROOT
from tests.support.voice_networks import largest_of_bands, network

RECORDING = ROOT / "model" / "tiny" / "samples" / "long.flac"


def speakers() -> dict[int, Samples]:
    """What each of three says in a recording, one turn behind the other."""
    samples, _ = soundfile.read(RECORDING, dtype="float32")
    turns: dict[int, list[Samples]] = {}
    for entry in json.loads(RECORDING.with_suffix(".json").read_text()):
        if "Speaker" in entry:
            first, last = (round(entry[key] * SAMPLE_RATE) for key in ("Start", "End"))
            turns.setdefault(entry["Speaker"], []).append(samples[first:last])
    return {speaker: np.concatenate(said) for speaker, said in turns.items()}


@pytest.mark.parametrize("bundled", BUNDLED)
async def test_the_bundled_ones_tell_voices_apart(bundled: str) -> None:
    encoder = open_voice_encoder(bundled)
    assert encoder is not None
    said = speakers()
    assert len(said) == 3
    halves = [half[: 5 * SAMPLE_RATE] for samples in said.values() for half in np.array_split(samples, 2)]
    vectors = await encoder.vectors(halves)
    encoder.close()
    assert [float(np.linalg.norm(vector)) for vector in vectors] == pytest.approx([1.0] * 6)
    for (i, one), (j, other) in combinations(enumerate(vectors), 2):
        cosine, likeness = float(one @ other), encoder.likeness
        assert cosine > likeness.same if i // 2 == j // 2 else cosine < likeness.different, (i, j)


@pytest.mark.parametrize("bundled", BUNDLED)
async def test_level_and_length_of_a_clip_hardly_matter(bundled: str) -> None:
    encoder = open_voice_encoder(bundled)
    assert encoder is not None
    clip = speakers()[0][: 4 * SAMPLE_RATE]
    whole, soft, longer, brief, shortest = await encoder.vectors(
        [clip, 0.01 * clip, np.concatenate([clip] * 20), clip[:SAMPLE_RATE], clip[:1]]
    )
    encoder.close()
    assert whole @ soft > 0.9999
    assert whole @ longer > 0.95
    assert whole @ brief > encoder.likeness.different
    assert np.isfinite(shortest).all()


async def test_an_empty_clip_is_an_error(tmp_path: Path) -> None:
    encoder = OnnxVoiceEncoder(network(tmp_path / "own.onnx"))
    with pytest.raises(ValueError, match="empty"):
        await encoder.vectors([np.zeros(0, np.float32)])
    encoder.close()


async def test_one_thread_of_its_own_computes_and_the_event_loop_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = open_voice_encoder("ge2e")
    assert isinstance(encoder, OnnxVoiceEncoder)
    run, threads, loop = encoder._run, set(), asyncio.get_running_loop()
    computing, loop_went_on = asyncio.Event(), threading.Event()

    def watched(samples: Samples) -> Samples:
        threads.add(threading.current_thread())
        loop.call_soon_threadsafe(computing.set)
        assert loop_went_on.wait(30), "the event loop stood still meanwhile"
        return run(samples)

    monkeypatch.setattr(encoder, "_run", watched)
    clips = [speaker[:SAMPLE_RATE] for speaker in speakers().values()]
    asked = [asyncio.create_task(encoder.vectors(clips)) for _ in range(2)]
    await computing.wait()
    loop_went_on.set()
    first, second = await asyncio.gather(*asked)
    encoder.close()
    assert np.array_equal(first, second)
    assert len(threads) == 1
    assert threading.main_thread() not in threads
    assert encoder._session.get_session_options().intra_op_num_threads == 1


async def test_a_file_may_take_filter_banks(tmp_path: Path) -> None:
    encoder = OnnxVoiceEncoder(largest_of_bands(tmp_path / "own.onnx"))
    silence_then_tone = np.sin(np.arange(2 * SAMPLE_RATE) * 0.3, dtype=np.float32) * 0.2
    (vector,) = await encoder.vectors([silence_then_tone])
    encoder.close()
    assert vector.shape == (80,)
    assert float(np.linalg.norm(vector)) == pytest.approx(1.0)


def test_a_file_says_how_its_vectors_compare(tmp_path: Path) -> None:
    own = network(tmp_path / "own.onnx", metadata={"same_voice": "0.5", "different_voice": "0.25"})
    assert OnnxVoiceEncoder(own).likeness == Likeness(0.5, 0.25)
    assert 0 < OnnxVoiceEncoder(network(tmp_path / "silent.onnx")).likeness.different < 1


@pytest.mark.parametrize(
    "metadata",
    [
        {"same_voice": "0.5"},
        {"same_voice": "0.5", "different_voice": "a half"},
        {"same_voice": "0.2", "different_voice": "0.5"},
        {"same_voice": "nan", "different_voice": "nan"},
    ],
)
def test_a_file_that_says_it_wrongly_is_refused(tmp_path: Path, metadata: dict[str, str]) -> None:
    with pytest.raises(UnusableVoiceEncoder, match="same_voice"):
        OnnxVoiceEncoder(network(tmp_path / "own.onnx", metadata=metadata))


def test_files_that_take_something_else_are_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.onnx"
    identity = [helper.make_node("Identity", ["heard"], ["vector"])]
    refused: dict[str, Callable[[], Path]] = {
        "bands": lambda: largest_of_bands(own, 64),
        "length": lambda: network(own, (1, 48000)),
        "kind": lambda: network(own, kind=TensorProto.DOUBLE),
        "rows": lambda: network(own, (1, "n"), nodes=identity, out=(1, "n")),
        "two at once": lambda: network(own, (2, "n"), out=(2, 16)),
        "one dimension": lambda: network(own, ("n",), nodes=identity, out=("n",)),
    }
    for what, make in refused.items():
        make()
        with pytest.raises(UnusableVoiceEncoder) as refusal:
            OnnxVoiceEncoder(own)
        assert str(own) in refusal.value.message, what


def test_vectors_without_a_direction_are_refused(tmp_path: Path) -> None:
    for constant in (0.0, np.inf):
        node = helper.make_node("Identity", ["constant"], ["vector"])
        constants = {"constant": np.full((1, 16), constant, np.float32)}
        with pytest.raises(UnusableVoiceEncoder, match="direction"):
            OnnxVoiceEncoder(network(tmp_path / "own.onnx", nodes=[node], constants=constants))


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("no network")
    for path, why in ((text, "loaded"), (tmp_path, "no file"), (tmp_path / "none.onnx", "no file")):
        with pytest.raises(UnusableVoiceEncoder, match=why):
            OnnxVoiceEncoder(path)
    assert open_voice_encoder("none") is None


def test_filter_banks_are_kaldis() -> None:
    """Values of ``compute-fbank-feats --dither=0 --num-mel-bins=80`` (kaldi-native-fbank 1.23), means taken out."""
    chirp = (np.sin(np.arange(1600) ** 1.5 / 50) * 0.25).astype(np.float32)
    heard = features(chirp)
    assert heard.shape == (8, 80)
    assert heard[0, [0, 20, 40, 79]] == pytest.approx([5.163218, 13.491029, -4.4197063, -1.3535696], abs=0.02)
    assert heard[-1, [0, 20, 40, 79]] == pytest.approx([0.45850325, -4.7878466, -7.6870527, 1.935009], abs=0.02)
