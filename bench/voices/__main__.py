"""What tells voices apart: a voice encoder, and the checkpoint's own latents, on clips of one to ten seconds.

    python -m bench.voices [--talks 8] [--seed 0] [--encoder ge2e campplus] [--speech FOLDER] [--record]

Talks of three held-out voices are cut into clips of one speaker, once as the talk has them and once against clips
from other recordings (another microphone, other noise), as known speakers' are. Pairs of clips are told to be of one
voice or of two by their cosine: the equal error rate, and the best threshold with what it gets right. ``linked``: talks
in which the last clip of every speaker is most like the first clip of the same. ``--speech``: recordings of people too,
a folder for each with files that libsndfile reads.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]
import torch

from bench.support import talks
from bench.support.report import Goal, Report, machine, parser
from model.family.vibevoice_asr.geometry import GEOMETRY
from model.loading.checkpoint import load_checkpoint
from model.seam.audio import SAMPLE_RATE, Samples, clip_level
from server.voices.opening import BUNDLED, open_voice_encoder

_LENGTHS = (1, 3, 10)
_TALK_SECONDS = 90.0
_MOST = 6
"""Clips of one speaker of a talk, of each length."""

Vectors = npt.NDArray[np.float32]
Encode = Callable[[Sequence[Samples]], Vectors]
Groups = Sequence[Sequence[Sequence[Samples]]]
"""By talk, by speaker: clips."""


def main() -> None:
    """Run the bench and print its tables and goals."""
    options = _options()
    torch.set_num_threads(1)
    report = Report("voices")
    report.say(f"{machine()}: {options.talks} talks of three, seed {options.seed}")
    ways = {**{name: _encoder(name) for name in options.encoder}, **_latents()}
    rows, best = [], {}
    for seconds in _LENGTHS:
        for material, groups in _material(options, seconds).items():
            for name, encode in ways.items():
                same, different = _cosines(groups, encode)
                error, threshold, right = _told(same, different)
                best[material, seconds, name] = error
                cells = [f"{len(same)} / {len(different)}", f"{error:.1%}", f"{threshold:.2f}", f"{right:.1%}"]
                rows.append([f"{material}, {seconds} s", name, *cells, _linked(groups, encode)])
    report.table(["clips", "by", "pairs of one / of two", "EER", "threshold", "right", "linked"], rows)
    goals = {name: 1 - best[_TALKS, 3, name] for name in options.encoder}
    report.goals([Goal(f"voices-told-apart-in-three-seconds-{name}", right, 0.97) for name, right in goals.items()])
    if options.record:
        report.record()


_TALKS, _CLIPS = "of one talk", "of two recordings"


def _material(options: argparse.Namespace, seconds: int) -> dict[str, Groups]:
    rng = random.Random(f"voices/{options.seed}")
    own: list[list[list[Samples]]] = []
    across: list[list[list[Samples]]] = []
    for _ in range(options.talks):
        voices = talks.voices(3, rng)
        talk = talks.talk(voices, _TALK_SECONDS, rng, long_gaps=0.0)
        said = [_cut(np.concatenate(talk.said_by(voice)), seconds) for voice in voices]
        own.append(said)
        others = [np.concatenate([talks.clip(voice, rng) for _ in range(2)]) for voice in voices]
        across.append([[*clips[:1], *_cut(other, seconds)[:1]] for clips, other in zip(said, others, strict=True)])
    found: dict[str, Groups] = {_TALKS: own, _CLIPS: across}
    if options.speech is not None:
        people = [_cut(_speech(folder), seconds) for folder in sorted(options.speech.iterdir()) if folder.is_dir()]
        found["of people"] = [people]
    return found


def _cut(samples: Samples, seconds: int) -> list[Samples]:
    size = seconds * SAMPLE_RATE
    return [samples[at : at + size] for at in range(0, samples.size - size + 1, size)][:_MOST]


def _speech(folder: Path) -> Samples:
    """All of a folder's files, mono at 24 kHz."""
    parts = []
    for path in sorted(folder.iterdir()):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        parts.append(np.asarray(soxr.resample(samples.mean(axis=1), rate, SAMPLE_RATE), np.float32))
    return np.concatenate(parts)


def _cosines(groups: Groups, encode: Encode) -> tuple[list[float], list[float]]:
    """Of pairs of one voice, and of two in one talk."""
    same: list[float] = []
    different: list[float] = []
    for talk in groups:
        vectors = [encode(clips) for clips in talk if clips]
        for own in vectors:
            same += [float(one @ other) for one, other in combinations(own, 2)]
        for one, other in combinations(vectors, 2):
            different += (one @ other.T).ravel().tolist()
    return same, different


def _told(same: Sequence[float], different: Sequence[float]) -> tuple[float, float, float]:
    """Equal error rate, the threshold that gets most right, and how much: either kind counts as half of all."""
    if not same or not different:
        return float("nan"), float("nan"), float("nan")
    thresholds = np.unique([*same, *different])
    missed = np.searchsorted(np.sort(same), thresholds) / len(same)
    taken = 1 - np.searchsorted(np.sort(different), thresholds) / len(different)
    equal = int(np.argmin(np.abs(missed - taken)))
    best = int(np.argmin(missed + taken))
    right = 1 - float(missed[best] + taken[best]) / 2
    return float(missed[equal] + taken[equal]) / 2, float(thresholds[best]), right


def _linked(groups: Groups, encode: Encode) -> str:
    right = count = 0
    for talk in groups:
        if all(len(clips) > 1 for clips in talk):
            first, second = (encode([clips[place] for clips in talk]) for place in (0, -1))
            count += 1
            right += bool((np.argmax(first @ second.T, axis=1) == np.arange(len(talk))).all())
    return f"{right} of {count}"


def _encoder(name: str) -> Encode:
    encoder = open_voice_encoder(name)
    assert encoder is not None

    def encode(clips: Sequence[Samples]) -> Vectors:
        return np.stack(asyncio.run(encoder.vectors(clips)))

    return encode


def _latents() -> dict[str, Encode]:
    """The tokenizers' frames of a clip, averaged."""
    model = load_checkpoint("tiny", device="cpu", dtype="float32").model
    parts = {"acoustic latents": model.model.acoustic_tokenizer_encoder}
    parts["semantic latents"] = model.model.semantic_tokenizer_encoder

    def averaged(part: torch.nn.Module) -> Encode:
        def encode(clips: Sequence[Samples]) -> Vectors:
            means = []
            for clip in clips:
                whole = clip_level(clip).apply(clip)[: clip.size // GEOMETRY.hop * GEOMETRY.hop]
                with torch.inference_mode():
                    frames = part(torch.from_numpy(whole)[None, None]).latents[0]
                means.append(frames.mean(dim=0).numpy())
            vectors = np.stack(means)
            return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

        return encode

    return {f"{name}, averaged": averaged(part) for name, part in parts.items()}


def _options() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--talks", type=int, default=8)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--encoder", nargs="+", default=list(BUNDLED), help="as --voice-encoder of the server")
    options.add_argument("--speech", type=Path, default=None, help="folder with a folder of recordings for each person")
    return options.parse_args()


if __name__ == "__main__":
    main()
