"""A model laid out as the real checkpoint is, depths, rates and biases, but with few channels and random weights."""

from __future__ import annotations

import torch
from transformers import (
    Qwen2Config,
    VibeVoiceAcousticTokenizerEncoderConfig,
    VibeVoiceAsrConfig,
    VibeVoiceAsrForConditionalGeneration,
)


def real_topology(*, filters: int = 4) -> VibeVoiceAsrForConditionalGeneration:
    """Weights of such sizes that every path carries signal, as trained ones do; float32.

    The language model is a stub: what is compared is what comes before it.
    """
    acoustic, semantic = (
        VibeVoiceAcousticTokenizerEncoderConfig(
            num_filters=filters,
            depths=[3, 3, 3, 3, 3, 3, 8],
            downsampling_ratios=[2, 2, 4, 5, 5, 8],
            hidden_size=size,
        )
        for size in (64, 128)
    )
    text = Qwen2Config(
        vocab_size=64,
        hidden_size=256,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    config = VibeVoiceAsrConfig(
        acoustic_tokenizer_encoder_config=acoustic, semantic_tokenizer_encoder_config=semantic, text_config=text
    )
    model = VibeVoiceAsrForConditionalGeneration(config)
    seeded = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "gamma" in name:
                weight.copy_(0.05 + 0.3 * torch.rand(weight.shape, generator=seeded))
            elif weight.ndim > 1:
                weight.normal_(std=weight[0].numel() ** -0.5, generator=seeded)
            elif name.endswith("bias"):
                weight.normal_(std=0.02, generator=seeded)
            else:
                weight.copy_(1 + 0.1 * torch.randn(weight.shape, generator=seeded))
    model.train(mode=False)
    return model
