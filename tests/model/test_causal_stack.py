"""The stack equals Transformers' encoder module for any configuration, not only for the bundled one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModel, VibeVoiceAcousticTokenizerEncoderConfig

from model.encoder.causal_stack import CausalStack, History, keep

SHAPES: dict[str, tuple[list[int], tuple[int, ...]]] = {
    "blocks at every rate, as the full-size checkpoint": ([1, 2, 1, 1], (2, 4, 5)),
    "no blocks at the high rates": ([0, 0, 1, 1], (5, 4, 2)),
    "no blocks at all": ([0, 0, 0], (4, 2)),
}


def random_encoder(depths: list[int], ratios: tuple[int, ...], *, biased: bool) -> Any:
    """An encoder whose every parameter matters: large layer scales, and biases where wanted."""
    torch.manual_seed(1)
    config = VibeVoiceAcousticTokenizerEncoderConfig(
        num_filters=4, depths=depths, downsampling_ratios=ratios, hidden_size=6, layer_scale_init_value=0.5
    )
    encoder: Any = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
    for name, parameter in encoder.named_parameters():
        torch.nn.init.normal_(parameter, std=0.4)
        if name.endswith("bias") and not biased:
            torch.nn.init.zeros_(parameter)
    return encoder


def encode(stack: CausalStack, audio: torch.Tensor, histories: list[History], frames: list[int]) -> torch.Tensor:
    """Latents of right-padded rows of so many frames; the histories advance."""
    counts = None if len(set(frames)) == 1 else torch.tensor(frames, device=audio.device)
    latents, after = stack.run(audio, stack.batch(histories, audio), max(frames), counts)
    keep(histories, after)
    return latents


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize(("depths", "ratios"), SHAPES.values(), ids=SHAPES.keys())
def test_chunks_of_ragged_rows_equal_the_module(depths: list[int], ratios: tuple[int, ...], biased: bool) -> None:
    encoder = random_encoder(depths, ratios, biased=biased)
    hop = encoder.config.hop_length
    stack, histories = CausalStack(encoder), [History() for _ in range(3)]
    assert stack.hop == hop
    audio = torch.randn(3, 12 * hop)
    turns = [[3, 1, 5], [1, 4, 2], [8, 7, 5]]  # frames of each row in each call; every row ends at 12
    got: list[list[torch.Tensor]] = [[], [], []]
    heard = [0, 0, 0]
    with torch.inference_mode():
        for frames in turns:
            batch = torch.full((3, max(frames) * hop), 7.0)  # what stands in the padding must not matter
            for row, count in enumerate(frames):
                batch[row, : count * hop] = audio[row, heard[row] * hop : (heard[row] + count) * hop]
                heard[row] += count
            latents = encode(stack, batch, histories, frames)
            for row, count in enumerate(frames):
                got[row].append(latents[row, :count])
        wanted = encoder(audio[:, None]).latents
    torch.testing.assert_close(torch.stack([torch.cat(parts) for parts in got]), wanted, atol=2e-4, rtol=1e-4)
