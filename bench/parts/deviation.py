"""How far quantised weights are from the checkpoint's own, on the checkpoint's own answers.

    python -m bench.parts.deviation [--checkpoint tiny] [--weights int8 nf4 fp8] [--tokens 96] [--device auto]
                                    [--dtype auto]

The reference writes an answer to each of the bundled samples. Every format then reads prompt, audio and that answer,
and says at each place which token it would have written: the share of places where it says the same, the first where
it does not, and how far its scores are, relative to the reference's. A checkpoint that has learned nothing is sure of
nothing, so the least difference changes its tokens; look at the scores there.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass

import soundfile  # type: ignore[import-untyped]
import torch

from bench.support.reading import embed, embedded_prompt, greedy_answer
from bench.support.report import Report, machine, parser
from model.loading.checkpoint import TINY, Checkpoint, load_checkpoint
from model.seam.audio import SAMPLE_RATE
from model.seam.runner import WeightsName

_SAMPLES = ("two_speakers.flac", "short.flac")


@dataclass(frozen=True, slots=True)
class Reading:
    """One recording read to its end. ``answer``: the reference's; ``scores``: [answer, vocabulary] at each place."""

    answer: list[int]
    scores: torch.Tensor


@dataclass(frozen=True, slots=True)
class Deviation:
    """Of one format. ``agreement``: share of places. ``first``: place of the first difference, or None.

    ``error``: of the scores, relative to the reference's, their means taken away: only differences matter.
    """

    agreement: float
    first: int | None
    error: float

    @classmethod
    def between(cls, reference: list[Reading], other: list[Reading]) -> Deviation:
        wanted = torch.cat([reading.scores for reading in reference])
        got = torch.cat([reading.scores for reading in other])
        same = wanted.argmax(-1) == got.argmax(-1)
        wanted, got = (scores - scores.mean(-1, keepdim=True) for scores in (wanted, got))
        first = None if same.all() else int((~same).nonzero()[0])
        return cls(same.float().mean().item(), first, ((got - wanted).norm() / wanted.norm()).item())


def main() -> None:
    """Load the checkpoint in each format, one after the other, and print a line for each."""
    command = parser(__doc__)
    command.add_argument("--checkpoint", default="tiny")
    command.add_argument("--weights", nargs="+", choices=["nf4", "int8", "fp8"], default=["int8", "nf4"])
    command.add_argument("--tokens", type=int, default=96)
    command.add_argument("--device", default="auto")
    command.add_argument("--dtype", default="auto")
    options = command.parse_args()

    def load(weights: WeightsName) -> Checkpoint:
        gc.collect()
        return load_checkpoint(options.checkpoint, device=options.device, dtype=options.dtype, weights=weights)

    checkpoint = load("auto")
    report = Report("deviation")
    report.say(
        f"{machine()}: {options.checkpoint}, {checkpoint.dtype} on {checkpoint.device}, at most {options.tokens} "
        f"tokens of each answer to {len(_SAMPLES)} samples"
    )
    reference = read(checkpoint, tokens=options.tokens)
    del checkpoint
    rows = []
    for weights in options.weights:
        found = Deviation.between(reference, read(load(weights), [reading.answer for reading in reference]))
        first = "-" if found.first is None else str(found.first)
        rows.append([weights, f"{found.agreement:.1%}", first, f"{found.error:.2%}"])
    report.table(["weights", "same token", "first difference", "error of the scores"], rows)
    if options.record:
        report.record()


def read(checkpoint: Checkpoint, answers: list[list[int]] | None = None, *, tokens: int = 0) -> list[Reading]:
    """Every sample with the given answers; without, with the checkpoint's own of up to ``tokens`` tokens."""
    readings = []
    for number, name in enumerate(_SAMPLES):
        samples, rate = soundfile.read(TINY.parent / "samples" / name, dtype="float32")
        assert rate == SAMPLE_RATE
        embedded = embedded_prompt(checkpoint, samples)
        answer = greedy_answer(checkpoint, embedded, tokens) if answers is None else answers[number]
        readings.append(Reading(answer, _scores(checkpoint, embedded, answer)))
    return readings


@torch.inference_mode()
def _scores(checkpoint: Checkpoint, embedded: torch.Tensor, answer: list[int]) -> torch.Tensor:
    inputs = torch.cat([embedded, embed(checkpoint, answer[:-1])])
    hidden = checkpoint.model.model.language_model(inputs_embeds=inputs[None], use_cache=False).last_hidden_state[0]
    scores: torch.Tensor = checkpoint.model.lm_head(hidden[len(embedded) - 1 :])
    return scores.float().cpu()


if __name__ == "__main__":
    main()
