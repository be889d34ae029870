"""From logits to tokens: greedy, or sampled per row from the row's own generator."""

from __future__ import annotations

from typing import Protocol

import torch


class Sampler:
    """How one stream picks its tokens.

    Sampling takes the argmax of logits / temperature + Gumbel noise, which draws from the scaled softmax. The noise
    comes from the stream's own generator, so an answer does not depend on the company in the batch.
    """

    def __init__(self, temperature: float, seed: int) -> None:
        self.temperature = temperature
        self._generator = torch.Generator().manual_seed(seed) if temperature > 0 else None

    def perturb(self, logits: torch.Tensor) -> torch.Tensor:
        """``logits``: [vocabulary], float32. Returns scores whose argmax is the drawn token."""
        if self._generator is None:
            return logits
        uniform = torch.rand(logits.shape, generator=self._generator).clamp_(min=1e-20)
        return logits / self.temperature - torch.log(-torch.log(uniform)).to(logits.device)


class Scores(Protocol):
    """What the model says at some places of a step.

    ``greedy``: [2, places] float64 on the device, the best token of each place and its log-probability. Float64 holds
    both exactly, so that one small transfer brings them to the host.
    """

    @property
    def greedy(self) -> torch.Tensor: ...

    def logits(self, places: list[int]) -> torch.Tensor:
        """[places, vocabulary] in float32, for the few rows that need more than the best token."""
        ...


def best(logits: torch.Tensor) -> torch.Tensor:
    """``Scores.greedy`` of ``logits`` [places, vocabulary]."""
    highest, tokens = logits.max(-1)
    return torch.stack([tokens.double(), (highest - logits.logsumexp(-1)).double()])


def choose(scores: Scores, samplers: list[Sampler]) -> tuple[list[int], list[float]]:
    """Token and its log-probability (of the unscaled distribution) for each place; ``samplers``: one per place."""
    numbers, logprobs = scores.greedy.tolist()
    tokens = [int(number) for number in numbers]
    drawing = [place for place, sampler in enumerate(samplers) if sampler.temperature > 0]
    if drawing:
        logits = scores.logits(drawing)
        perturbed = [samplers[place].perturb(row) for place, row in zip(drawing, logits, strict=True)]
        drawn = torch.stack(perturbed).argmax(-1)
        picked = logits.gather(-1, drawn[:, None])[:, 0] - logits.logsumexp(-1)
        for place, token, logprob in zip(drawing, drawn.tolist(), picked.tolist(), strict=True):
            tokens[place], logprobs[place] = token, logprob
    return tokens, logprobs
