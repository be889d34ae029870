"""One linear map of the full-size decoder on a CPU, in every way that PyTorch has for it.

    python -m bench.parts.linears [--rows 1 8 32 256] [--repeats 7] [--threads 2]

Times are the best of several, taken in turns so that a busy machine is busy for all; errors are relative to float32, on
inputs of which a few features are a hundred times as large as the others, as the hidden states of language models are.
``dynamic`` rounds its inputs too, with one scale for all rows of a batch, so that a row depends on its company.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import torch
from torch.nn.functional import linear

from bench.support.report import Report, machine, parser
from model.quantised.linears import Int8Linear

_WIDTH, _INNER = 3584, 18_944
_OUTLIERS = 8

Way = Callable[[torch.Tensor], torch.Tensor]


def main() -> None:
    """Time each way on batches of several sizes and print a table of speed-ups over float32."""
    command = parser(__doc__)
    command.add_argument("--rows", type=int, nargs="+", default=[1, 8, 32, 256])
    command.add_argument("--repeats", type=int, default=7)
    command.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = command.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    ways = _ways(torch.randn(_INNER, _WIDTH) * _WIDTH**-0.5)
    report = Report("linears")
    report.say(f"{machine()}, {options.threads} threads: {_WIDTH} to {_INNER}")
    rows = []
    for count in options.rows:
        inputs = torch.randn(count, _WIDTH)
        inputs[:, :_OUTLIERS] *= 100
        best, errors = _measure(ways, inputs, options.repeats)
        for name in ways:
            speedup = best["float32"] / best[name]
            rows.append([str(count), name, f"{1000 * best[name]:.1f}", f"{speedup:.2f}", f"{errors[name]:.1e}"])
    report.table(["rows", "way", "ms", "times float32", "error"], rows)
    if options.record:
        report.record()


@torch.inference_mode()
def _measure(ways: dict[str, Way], inputs: torch.Tensor, repeats: int) -> tuple[dict[str, float], dict[str, float]]:
    wanted = ways["float32"](inputs)
    best = dict.fromkeys(ways, float("inf"))
    errors = {name: float((way(inputs).float() - wanted).norm() / wanted.norm()) for name, way in ways.items()}
    for _ in range(repeats):
        for name, way in ways.items():
            began = perf_counter()
            way(inputs)
            best[name] = min(best[name], perf_counter() - began)
    return best, errors


def _ways(weight: torch.Tensor) -> dict[str, Way]:
    half = weight.bfloat16()
    int8 = Int8Linear.of(half, None)
    scale = weight.abs().max() / 127
    signed = torch.quantize_per_tensor(weight, float(scale), 0, torch.qint8)
    packed = torch.ops.quantized.linear_prepack(signed, None)
    return {
        "float32": lambda inputs: linear(inputs, weight),
        "bfloat16": lambda inputs: linear(inputs.bfloat16(), half),
        "int8 of this server": lambda inputs: int8(inputs.bfloat16()),
        "int8, dynamic": lambda inputs: torch.ops.quantized.linear_dynamic(inputs, packed, True),
    }


if __name__ == "__main__":
    main()
