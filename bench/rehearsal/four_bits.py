"""A stand-in for bitsandbytes: its four-bit linear map by what it keeps and allocates, for tensors without numbers.

Its own parameters cannot be made of fake tensors. As in bitsandbytes 0.50: two weights to a byte; of every block of 64
a scale, kept in a byte; of every 256 scales one in float32. A call of one row reads the weights as they are, any other
one makes the whole map anew in the number format it computes in.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import linear

if TYPE_CHECKING:
    from bench.rehearsal.fake_cuda import FakeCuda

_BLOCK, _NESTED = 64, 256


def four_bits(cuda: FakeCuda) -> SimpleNamespace:
    """What ``bitsandbytes.nn`` has of it."""

    def launch(name: str, reads: list[torch.Tensor], made: list[torch.Tensor]) -> None:
        cuda.launch(name, [cuda.mode.block(each) for each in reads], [cuda.mode.block(each) for each in made])

    class Params4bit:
        """See ``bitsandbytes.nn.Params4bit``; quantised where it is sent to."""

        def __init__(self, data: torch.Tensor, requires_grad: bool, module: torch.nn.Module, **_: Any) -> None:
            self._data: torch.Tensor | None = data
            self.parts: list[torch.Tensor] = []

        def to(self, device: torch.device) -> Params4bit:
            assert self._data is not None
            blocks = -(-self._data.numel() // _BLOCK)
            scales = torch.empty(blocks, dtype=torch.float32, device=device)
            packed = torch.empty(self._data.numel() // 2, dtype=torch.uint8, device=device)
            launch("quantize_4bit", [self._data], [scales, packed])
            nested = torch.empty(-(-blocks // _NESTED), dtype=torch.float32, device=device)
            bytes_of_scales = torch.empty(blocks, dtype=torch.uint8, device=device)
            launch("quantize_blockwise", [scales], [nested, bytes_of_scales])
            self._data, self.parts = None, [packed, bytes_of_scales, nested]
            return self

    class Linear4bit(torch.nn.Module):
        """See ``bitsandbytes.nn.Linear4bit``."""

        bias: torch.Tensor | None
        weight: Params4bit

        def __init__(self, columns: int, rows: int, compute_dtype: torch.dtype, **_: Any) -> None:
            super().__init__()
            self.register_parameter("bias", None)
            self._shape, self._dtype = (rows, columns), compute_dtype

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            rows, columns = self._shape
            if hidden.numel() == columns:
                out = torch.empty(*hidden.shape[:-1], rows, dtype=hidden.dtype, device=hidden.device)
                launch("gemv_4bit", [hidden, *self.weight.parts], [out])
                return out if self.bias is None else out + self.bias
            whole = torch.empty(rows, columns, dtype=self._dtype, device=hidden.device)
            launch("dequantize_4bit", self.weight.parts, [whole])
            return linear(hidden, whole, self.bias)

    return SimpleNamespace(Linear4bit=Linear4bit, Params4bit=Params4bit)
