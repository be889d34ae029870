"""What a microphone's constant offset does to the answer, and what filters against it do to sound recordings.

    python -m bench.parts.offset [--checkpoint tiny] [--offsets 0 0.01 0.05 0.27] [--corners 2 10 20] [--clips 0]

Every bundled recording, at half its level so that the largest offset still fits, with each offset, through each filter:
none, the server's, the clip's mean taken away, and a high-pass that is always on. A row says how many answers are token
for token those to the sound recording without a filter, and how many of the words are wrong by the written truth.
``--clips``: only so many recordings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile  # type: ignore[import-untyped]

from bench.support.reading import embedded_prompt, greedy_answer
from bench.support.report import Report, machine, parser
from model.loading.checkpoint import TINY, Checkpoint, load_checkpoint
from model.seam.audio import SAMPLE_RATE, Samples
from server.audio_in.offset import HighPass, OffsetFilter

_MAX_TOKENS = 400
Filter = Callable[[Samples], Samples]


def main() -> None:
    """Load the checkpoint and print a row for each filter and offset."""
    command = parser(__doc__)
    command.add_argument("--checkpoint", default="tiny")
    command.add_argument("--offsets", nargs="+", type=float, default=[0.0, 0.01, 0.05, 0.27])
    command.add_argument("--corners", nargs="*", type=float, default=[2.0, 10.0, 20.0])
    command.add_argument("--clips", type=int, default=0)
    options = command.parse_args()
    checkpoint = load_checkpoint(options.checkpoint, device="cpu", dtype="float32", weights="auto")
    clips = _clips()[: options.clips or None]
    sound = [_answer(checkpoint, samples) for samples, _ in clips]
    report = Report("offset")
    report.say(
        f"{machine()}: {options.checkpoint}, {len(clips)} recordings, {sum(len(said) for _, said in clips)} words"
    )
    rows = []
    for name, make in _filters(options.corners).items():
        for offset in options.offsets:
            answers = [_answer(checkpoint, make(samples + np.float32(offset))) for samples, _ in clips]
            same = sum(answer == wanted for answer, wanted in zip(answers, sound, strict=True))
            wrong = sum(
                _errors(said, _words(checkpoint.processor.tokenizer.decode(answer)))
                for answer, (_, said) in zip(answers, clips, strict=True)
            )
            rows.append([name, f"{offset:.1%}", f"{same}/{len(clips)}", str(wrong)])
            print(*rows[-1], flush=True)
    report.table(["filter", "offset", "same answers", "wrong words"], rows)
    if options.record:
        report.record()


def _filters(corners: list[float]) -> dict[str, Filter]:
    filters: dict[str, Filter] = {
        "none": lambda samples: samples,
        "the server's": _as_the_server_does,
        "mean of the clip": lambda samples: samples - samples.mean(),
    }
    for corner in corners:

        def high_pass(samples: Samples, corner: float = corner) -> Samples:
            return HighPass(float(samples[0]), corner).push(samples)

        filters[f"high-pass, {corner:g} Hz"] = high_pass
    return filters


def _as_the_server_does(samples: Samples) -> Samples:
    """Second by second, as a file is decoded."""
    offset = OffsetFilter()
    filtered = []
    for start in range(0, samples.size, SAMPLE_RATE):
        second = samples[start : start + SAMPLE_RATE]
        offset.look(second)
        filtered.append(offset.push(second))
    return np.concatenate(filtered)


def _clips() -> list[tuple[Samples, list[str]]]:
    """Samples and words of every bundled recording."""
    held_out = TINY.parent / "heldout"
    truths: dict[Path, list[dict[str, str]]] = {
        held_out / name: said for name, said in json.loads((held_out / "references.json").read_text()).items()
    }
    for name in ("short", "two_speakers"):
        path = TINY.parent / "samples" / f"{name}.json"
        truths[path.with_suffix(".flac")] = json.loads(path.read_text())
    clips = []
    for path, said in truths.items():
        samples, rate = soundfile.read(path, dtype="float32")
        assert rate == SAMPLE_RATE
        clips.append((samples / 2, _plain(" ".join(segment["Content"] for segment in said))))
    return clips


def _answer(checkpoint: Checkpoint, samples: Samples) -> list[int]:
    return greedy_answer(checkpoint, embedded_prompt(checkpoint, samples), _MAX_TOKENS)


def _words(answer: str) -> list[str]:
    return _plain(" ".join(re.findall(r'"Content":\s*"([^"]*)"', answer)))


def _plain(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _errors(said: list[str], heard: list[str]) -> int:
    """Words to put in, take out or change: the edit distance."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        before, row[0] = row[:], number
        for place, other in enumerate(heard, 1):
            row[place] = min(before[place] + 1, row[place - 1] + 1, before[place - 1] + (word != other))
    return row[-1]


if __name__ == "__main__":
    main()
