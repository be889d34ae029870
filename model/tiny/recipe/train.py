"""Train the tiny checkpoint: `python -m model.tiny.recipe.train`.

Makes the bank on first use, takes up where the last run stopped, and writes the checkpoint folder at every snapshot
(`--publish`) and at the end. Everything else goes to the work folder.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm  # type: ignore[import-untyped]
from transformers import VibeVoiceAsrForConditionalGeneration

from . import network
from . import tokenizer as tokenizers
from .batches import Batch, Stream
from .encoding import precision
from .losses import Heads, accuracy, hear, language_losses, sound_losses, traits_of
from .muon import Muon
from .speech.bank import Bank
from .speech.casts import training_bank
from .writing import Writer

LOSS_WEIGHTS = {
    "answer": 2.0, "phone": 0.5, "sound_word": 1.0, "sound_timbre": 0.2, "sound_pitch": 0.2, "frame_word": 0.3,
    "frame_speaker": 0.5, "frame_edge": 0.3, "frame_time": 0.3, "frame_count": 0.5, "frame_after": 0.5,
    "frame_began": 0.5, "answer_timbre": 0.5, "answer_pitch": 0.5, "own_source": 0.3, "next_source": 0.5,
    "same_speaker": 1.5, "latest_start": 0.3, "answer_count": 1.0,
}  # fmt: skip
_TABLES = "embed_tokens.weight", "lm_head.weight"  # a row for each piece
_LONGER = 0.6
"""From this share of the steps on, more recordings are long."""
CHECKPOINT = Path(__file__).parents[1] / "checkpoint"


class Phase(Enum):
    """First the encoders learn to hear, then the language model to write what they hear, then both together."""

    HEARING = 1
    WRITING = 2
    BOTH = 3


@dataclass
class Run:
    """All that a snapshot keeps."""

    model: VibeVoiceAsrForConditionalGeneration
    heads: Heads
    optimisers: list[torch.optim.Optimizer]
    average: list[Tensor]  # moving average of the model's parameters, which is what ships
    step: int = 0
    begun: int = 0  # the step at which its helpers were new

    def sides(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Parameters that hear and parameters that write; their gradients differ in size and are clipped apart."""
        hearing: list[nn.Parameter] = []
        writing: list[nn.Parameter] = []
        for module in (self.model, self.heads):
            for name, parameter in module.named_parameters():
                listens = name.startswith(("model.acoustic", "model.semantic", "model.multi", "sound", "phones"))
                (hearing if listens else writing).append(parameter)
        return hearing, writing

    def save(self, path: Path) -> None:
        state = {
            "model": self.model.state_dict(), "heads": self.heads.state_dict(), "average": self.average,
            "optimisers": [each.state_dict() for each in self.optimisers], "step": self.step,
            "begun": self.begun,
        }  # fmt: skip
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a snapshot, which may be of a run on another device."""
        state = torch.load(path, weights_only=True, map_location="cpu")
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        for each, kept in zip(self.optimisers, state["optimisers"], strict=True):
            each.load_state_dict(kept)
        self.average = [value.to(self.average[0].device) for value in state["average"]]
        self.step, self.begun = state["step"], state["begun"]

    def begin(self, folder: Path, step: int) -> None:
        """Go on from a checkpoint, as if it were of `step`, also with other voices. The helpers begin anew."""
        known = VibeVoiceAsrForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
        self.model.load_state_dict(known.state_dict())
        self.average = [parameter.detach().clone() for parameter in self.model.parameters()]
        self.step = self.begun = step
        with torch.no_grad():
            for helper in self.heads.parameters():
                helper.zero_()  # what they ask at first is to change nothing

    def publish(self, folder: Path) -> None:
        """Write the averaged weights as a checkpoint."""
        kept = [parameter.detach().clone() for parameter in self.model.parameters()]
        self._put(self.average)
        network.save(self.model, folder)
        self._put(kept)

    def settle(self) -> None:
        """Go on from the averaged weights, which hear better: what rests from here on should rest at its best."""
        self._put(self.average)

    def _put(self, values: list[Tensor]) -> None:
        with torch.no_grad():
            for parameter, value in zip(self.model.parameters(), values, strict=True):
                parameter.copy_(value)


def start(words: Bank, seed: int, device: torch.device) -> Run:
    """A run at step 0."""
    torch.manual_seed(seed)
    model = network.fresh(tokenizers.build())
    model.to(device).train()  # type: ignore[arg-type]
    for encoder in (model.model.acoustic_tokenizer_encoder, model.model.semantic_tokenizer_encoder):
        for conv in (encoder.stem.conv.conv, encoder.conv_layers[0].conv.conv):
            conv.bias.requires_grad_(False)  # encoding.py counts on zeros here
    fine = 8 * network.ACOUSTIC_FILTERS, 8 * network.SEMANTIC_FILTERS  # channels of the third stages
    heads = Heads(network.HIDDEN, fine, traits_of(words)).to(device)
    return Run(
        model, heads, _optimisers(model, heads), [parameter.detach().clone() for parameter in model.parameters()]
    )


def _optimisers(model: nn.Module, heads: Heads) -> list[torch.optim.Optimizer]:
    """Muon for the linear maps between hidden states, AdamW for all else, at about the same rate."""
    named = dict([*model.named_parameters(), *heads.named_parameters(prefix="heads")])
    trained = {name: parameter for name, parameter in named.items() if parameter.requires_grad}
    outer = {name for name in trained if name.startswith("heads") or name.endswith(_TABLES)}
    maps = {name: parameter for name, parameter in trained.items() if parameter.dim() == 2 and name not in outer}
    others = [parameter for name, parameter in trained.items() if name not in maps]
    groups = [
        {"params": [each for each in others if each.dim() > 1], "weight_decay": 0.02},
        {"params": [each for each in others if each.dim() <= 1], "weight_decay": 0.0},
    ]
    return [
        Muon(maps.values(), weight_decay=0.02),
        torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), fused=True),
    ]


def learning_rate(step: int, begun: int, steps: int, sound_steps: int, peak: float) -> float:
    """In each of the two stretches, sound alone and with answers, a short warm-up and a straight decline.

    A run that `begun` from a checkpoint has them to itself.
    """
    if begun:
        peak *= min(1.0, (step - begun + 1) / 200)
    if step < sound_steps:
        return peak * min(1.0, (step + 1) / 100) * (1 - 0.9 * step / sound_steps)
    since, left = step - sound_steps, steps - step
    return peak * min(1.0, (since + 1) / 60) * max(0.02, left / (steps - max(begun, sound_steps))) * 0.8


def train_step(run: Run, batch: Batch, before: int, phase: Phase) -> dict[str, float]:
    """One update; returns what the log shows."""
    with precision(batch.samples.device):
        with torch.set_grad_enabled(phase is not Phase.WRITING):
            sound, fine = hear(run.model, batch.samples)
        losses = sound_losses(run.heads, sound, fine, batch)
        shown: dict[str, float] = {}
        if phase is not Phase.HEARING:
            more, shown = language_losses(run.model, run.heads, sound, batch, before)
            losses |= more
    total = torch.stack([LOSS_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()
    for optimiser in run.optimisers:
        optimiser.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    for side in run.sides():
        torch.nn.utils.clip_grad_norm_(side, 1.0)
    for optimiser in run.optimisers:
        optimiser.step()
    run.step += 1
    decay = min(0.998, (1 + run.step) / (20 + run.step))
    torch._foreach_lerp_(run.average, [p.detach() for p in run.model.parameters()], 1 - decay)
    with torch.no_grad(), precision(batch.samples.device):
        shown["frames"] = accuracy(run.heads.sound_word(sound), batch.word, batch.word > 0)
        shown["phones"] = accuracy(run.heads.phones[0](fine[0]), batch.phone, batch.phone > 0)
    return shown | {name: loss.item() for name, loss in losses.items()}


class Log:
    """Means of what the steps show, a line of JSON every so many steps."""

    def __init__(self, path: Path, every: int) -> None:
        self._path, self._every = path, every
        self._sums: dict[str, list[float]] = {}
        self._since = time.monotonic()

    def add(self, step: int, shown: dict[str, float]) -> None:
        for name, value in shown.items():
            if value == value:  # a batch without speaker digits, say, shows no number
                self._sums.setdefault(name, []).append(value)
        if step % self._every:
            return
        line: dict[str, Any] = {name: round(sum(values) / len(values), 4) for name, values in self._sums.items()}
        line = {"step": step, "seconds_a_step": round((time.monotonic() - self._since) / self._every, 3)} | line
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        self._sums, self._since = {}, time.monotonic()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=44_200)
    parser.add_argument("--sound-steps", type=int, default=6500, help="first steps, which train the encoders alone")
    parser.add_argument("--writing-until", type=int, default=9250, help="until then the encoders rest")
    parser.add_argument("--frames", type=int, default=600, help="frames of audio in a batch, 7.5 a second")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="peak learning rate")
    parser.add_argument("--voices", type=int, default=200, help="espeak-ng voices in the bank")
    parser.add_argument("--from-checkpoint", type=Path, help="weights to begin with where there is no snapshot")
    parser.add_argument("--from-step", type=int, default=6500, help="the step that --from-checkpoint is of")
    parser.add_argument("--device", type=torch.device, default="cpu", help="cuda, where there is one")
    parser.add_argument("--workers", type=int, default=1, help="processes that make recordings: on a GPU, one a core")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--snapshot-every", type=int, default=250)
    parser.add_argument("--work", type=Path, default=Path(".cache/tiny"), help="word bank, snapshots and log")
    parser.add_argument("--publish", action="store_true", help="write the checkpoint folder at every snapshot too")
    parser.add_argument("--checkpoint", type=Path, default=Path(".cache/tiny/checkpoint"), help="where it is written")
    return parser.parse_args()


def _give_way(worker: int) -> None:
    """A batch that comes late costs less than a network that waits for a core."""
    del worker
    os.nice(10)


def main() -> None:
    """Train until all steps are done."""
    options = arguments()
    words = training_bank(options.work, options.voices, options.seed)
    run = start(words, options.seed, options.device)
    snapshot = options.work / "snapshot.pt"
    if snapshot.exists():
        run.load(snapshot)
    elif options.from_checkpoint:
        run.begin(options.from_checkpoint, options.from_step)
    stream = Stream(options.work, options.seed, run.step, options.frames, round(_LONGER * options.steps))
    batches: Iterator[Batch] = iter(
        DataLoader(stream, batch_size=None, num_workers=options.workers, prefetch_factor=12, worker_init_fn=_give_way)
    )
    before = len(Writer(tokenizers.build()).before_audio)
    log = Log(options.work / "log.jsonl", options.snapshot_every)
    bar = tqdm(total=options.steps, initial=run.step, desc="training", unit="step")
    while run.step < options.steps:
        for group in (group for each in run.optimisers for group in each.param_groups):
            group["lr"] = learning_rate(run.step, run.begun, options.steps, options.sound_steps, options.rate)
        phase = Phase.HEARING if run.step < options.sound_steps else Phase.BOTH
        if phase is Phase.BOTH and run.step < options.writing_until:
            phase = Phase.WRITING
        if run.step == options.sound_steps:
            run.settle()
        shown = train_step(run, next(batches).to(options.device), before, phase)
        log.add(run.step, shown)
        bar.set_postfix(answer=shown.get("answer"), frames=shown["frames"], refresh=False)
        bar.update()
        if run.step % options.snapshot_every == 0:
            run.save(snapshot)
            if options.publish:
                run.publish(options.checkpoint)
    bar.close()
    run.save(snapshot)
    run.publish(options.checkpoint)


if __name__ == "__main__":
    main()
