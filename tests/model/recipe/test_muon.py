"""The optimiser of the linear maps goes where PyTorch's goes."""

import torch

from model.tiny.recipe.muon import Muon

_SHAPES = [(24, 96), (96, 24), (24, 96), (32, 32)]


def test_steps_are_those_of_pytorchs_muon_but_for_its_rounding() -> None:
    torch.manual_seed(0)
    begun = [torch.randn(shape) for shape in [*_SHAPES, (8, 8)]]
    mine, theirs = ([torch.nn.Parameter(matrix.clone()) for matrix in begun] for _ in range(2))
    ours = Muon(mine, weight_decay=0.02)
    ours.param_groups[0]["lr"] = 0.01
    other = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.02, adjust_lr_fn="match_rms_adamw")
    for step in range(3):
        gradients = [torch.randn(shape) * 10.0 ** (step - 1) for shape in _SHAPES]
        for side in (mine, theirs):
            for parameter, gradient in zip(side, gradients, strict=False):  # the last has none
                parameter.grad = gradient.clone()
        ours.step()
        other.step()  # type: ignore[no-untyped-call]
    for start, one, expected in zip(begun[:-1], mine, theirs, strict=False):
        assert (one - expected).norm() < 0.04 * (expected - start).norm()  # it rounds to bf16
    assert torch.equal(mine[-1], begun[-1])
    other.load_state_dict(ours.state_dict())  # a snapshot of one is one of the other
