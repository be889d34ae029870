"""How a checkpoint is taught: everything that decides what comes out, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil, cos, pi
from typing import Literal

from model.finetune.examples import Learned
from model.seam.adapters import MODULES

Method = Literal["lora", "full"]
Schedule = Literal["linear", "cosine", "constant"]


@dataclass(frozen=True, slots=True)
class Course:
    """The course.

    Attributes:
        model, revision: the checkpoint that it begins with.
        method: ``lora`` learns an adapter beside the decoder's linear maps, ``full`` the decoder itself; the encoders
            and the projector never learn.
        rank, alpha, dropout, modules: of the adapter.
        learned: see ``examples``.
        epochs: how often everything is learned from; ``steps`` are counted instead where they are given.
        batch: rows that are computed at once. accumulate: batches to an update.
        rate: the highest learning rate. warm_up: share of the steps in which it rises to that; then by ``schedule``.
        decay: of weights, matrices alone. clip: norm that gradients are cut to.
        seed: of the order, the adapter's beginning and dropout.
        dtype: that weights which do not learn are kept in, and everything is computed in; what learns is float32.
        recompute: activations are computed again for the gradient, layer by layer: a third slower, and far smaller.
    """

    model: str
    revision: str | None = None
    method: Method = "lora"
    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.05
    modules: tuple[str, ...] = MODULES
    learned: Learned = "text"
    epochs: float = 3.0
    steps: int | None = None
    batch: int = 1
    accumulate: int = 8
    rate: float = 1e-4
    warm_up: float = 0.1
    schedule: Schedule = "linear"
    decay: float = 0.01
    clip: float = 1.0
    seed: int = 0
    dtype: str = "auto"
    recompute: bool = True

    @property
    def update(self) -> int:
        """Lines to an update."""
        return self.batch * self.accumulate

    def all_steps(self, lines: int) -> int:
        """Updates in all, from so many lines."""
        return self.steps if self.steps is not None else max(1, ceil(self.epochs * lines / self.update))

    def rate_at(self, step: int, steps: int) -> float:
        """Of the update behind ``step`` others, of ``steps`` in all."""
        rising = max(1, round(self.warm_up * steps))
        if step < rising:
            return self.rate * (step + 1) / rising
        done = (step - rising) / max(1, steps - rising)
        shape = {"linear": 1 - done, "cosine": (1 + cos(pi * done)) / 2, "constant": 1.0}
        return self.rate * shape[self.schedule]

    def items(self, step: int, lines: int) -> list[int]:
        """Which lines the update behind ``step`` others learns from.

        Each epoch has all of them in another order, which seed and epoch decide: nothing has to be remembered.
        """
        places = range(step * self.update, (step + 1) * self.update)
        orders = {place // lines: _order(self.seed, place // lines, lines) for place in places}
        return [orders[place // lines][place % lines] for place in places]

    def differences(self, told: dict[str, object]) -> list[str]:
        """What is different from a course that was written down by ``asdict``."""
        mine = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return sorted(name for name in mine if mine[name] != told.get(name))


def _order(seed: int, epoch: int, count: int) -> Sequence[int]:
    order = list(range(count))
    random.Random(f"{seed}/{epoch}").shuffle(order)  # noqa: S311 - variety, no secret
    return order
