"""Average checkpoints that one run published at different steps, of which each is good at something else.

``python -m model.tiny.recipe.average early=0.15 late=0.85 --into average`` writes the means of their weights. Networks
that started apart have nothing in common that could be averaged.
"""

import argparse
import math
from collections.abc import Mapping
from pathlib import Path

import torch

from . import network
from . import tokenizer as tokenizers
from .evaluate import load


@torch.no_grad()
def merge(shares: Mapping[Path, float], into: Path) -> None:
    """Write the checkpoint whose weights are the means, in fp32, of those in the folders, each with its share.

    Raises:
        ValueError: the shares do not add up to one.
    """
    if not math.isclose(sum(shares.values()), 1.0):
        raise ValueError(f"the shares add up to {sum(shares.values()):g}, not to 1")
    mean = network.fresh(tokenizers.build())
    models = [load(folder)[0] for folder in shares]
    for weight, *weights in zip(mean.parameters(), *(model.parameters() for model in models), strict=True):
        weight.copy_(sum(share * each for share, each in zip(shares.values(), weights, strict=True)))
    network.save(mean, into)


def _share(text: str) -> tuple[Path, float]:
    folder, _, share = text.rpartition("=")
    return Path(folder), float(share)


def main() -> None:
    """Average what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shares", type=_share, nargs="+", metavar="FOLDER=SHARE")
    parser.add_argument("--into", type=Path, required=True, help="a folder")
    options = parser.parse_args()
    merge(dict(options.shares), options.into)


if __name__ == "__main__":
    main()
