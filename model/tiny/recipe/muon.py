"""Muon in fp32, with matrices of the same shape side by side."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_ADAMW = 0.2
"""The root mean square of AdamW's steps, which are to be as long (arXiv 2502.16982)."""


class Muon(torch.optim.Muon):
    """PyTorch's Muon at AdamW's rates. Its own step takes matrices one by one in bf16, which is slow on many CPUs."""

    def __init__(self, params: Any, weight_decay: float) -> None:
        super().__init__(params, lr=0.0, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of all matrices that have a gradient."""
        assert closure is None
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike.setdefault(parameter.shape, []).append(parameter)
            for shape, parameters in alike.items():
                updates = orthogonal(
                    torch.stack([self._direction(each, group["momentum"]) for each in parameters]), group
                )
                torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
                rate = group["lr"] * _ADAMW * max(shape) ** 0.5
                torch._foreach_add_(parameters, updates.unbind(), alpha=-rate)

    def _direction(self, parameter: Tensor, momentum: float) -> Tensor:
        """Nesterov's: the gradient, and where the last ones went."""
        assert parameter.grad is not None
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter.grad)
        buffer: Tensor = state["momentum_buffer"]
        buffer.lerp_(parameter.grad, 1 - momentum)
        return parameter.grad.lerp(buffer, momentum)


def orthogonal(matrices: Tensor, group: dict[str, Any]) -> Tensor:
    """Matrices [N, rows, columns] with all singular values near 1, by Newton and Schulz's iteration.

    Every step multiplies by a polynomial of the matrix times its transpose; these are multiplied with each other, being
    a quarter as wide as most matrices here.
    """
    a, b, c = group["ns_coefficients"]
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=group["eps"])
    gram = x @ x.mT
    one = torch.eye(gram.shape[1], device=gram.device).expand_as(gram)
    product = one
    for _ in range(group["ns_steps"]):
        factor = torch.baddbmm(torch.add(a * one, gram, alpha=b), gram, gram, alpha=c)
        product = factor @ product
        gram = factor @ gram @ factor
    found: Tensor = product @ x
    return found.mT if tall else found
