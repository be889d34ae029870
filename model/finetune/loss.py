"""From examples to the loss: right-padded rows, scores made where something is learned and nowhere else."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from torch.utils.checkpoint import checkpoint as recomputed

from model.finetune.examples import IGNORED, Example

PLACES = 1024
"""Places whose scores are held at once; they are made again for the gradient. A row of them is megabytes."""


def learned_places(examples: list[Example]) -> int:
    """Tokens whose loss counts: all with a label but a first one, which nothing stands before."""
    return sum(int((each.labels[1:] != IGNORED).sum()) for each in examples)


def embedded(model: Any, example: Example) -> torch.Tensor:
    """[positions, hidden]: its tokens, and its audio in between."""
    rows = model.model.language_model.embed_tokens(example.ids)
    first, last = example.first, example.first + len(example.audio)
    return torch.cat([rows[:first], example.audio.to(rows.dtype), rows[last:]])


def summed_loss(model: Any, examples: list[Example]) -> torch.Tensor:
    """The negative log-likelihoods of all that is learned, added up, float32.

    Rows are padded on the right, where causal attention has nobody look, so that no mask is needed.
    """
    inputs = pad_sequence([embedded(model, each) for each in examples], batch_first=True)
    labels = pad_sequence([each.labels for each in examples], batch_first=True, padding_value=IGNORED)
    hidden = model.model.language_model(inputs_embeds=inputs, use_cache=False).last_hidden_state[:, :-1]
    wanted = labels[:, 1:] != IGNORED
    places, targets = hidden[wanted], labels[:, 1:][wanted]
    total: torch.Tensor = places.new_zeros((), dtype=torch.float32)
    for part, target in zip(torch.split(places, PLACES), torch.split(targets, PLACES), strict=True):
        total = total + cast(torch.Tensor, recomputed(_scored, model.lm_head, part, target, use_reentrant=False))
    return total


def _scored(head: torch.nn.Module, places: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return cross_entropy(head(places).float(), targets, reduction="sum")
