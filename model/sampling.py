"""From logits to tokens: greedy, or sampled per row from the row's own generator."""

from __future__ import annotations

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


def choose(logits: torch.Tensor, samplers: list[Sampler]) -> tuple[list[int], list[float]]:
    """Token and its log-probability (of the unscaled distribution) for each row of ``logits`` [rows, vocabulary]."""
    scores = logits
    if any(sampler.temperature > 0 for sampler in samplers):
        scores = torch.stack([sampler.perturb(row) for row, sampler in zip(logits, samplers, strict=True)])
    tokens = scores.argmax(-1)
    picked = logits.gather(-1, tokens[:, None])[:, 0] - logits.logsumexp(-1)
    return tokens.tolist(), picked.tolist()
