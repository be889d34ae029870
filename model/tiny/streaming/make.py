"""From the tiny checkpoint and what was learned beside it to a folder in the original layout of the streaming models.

`python -m model.tiny.streaming.make FOLDER` writes it, for `--model FOLDER`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils import parametrize
from transformers import AddedToken, AutoTokenizer, Qwen2Tokenizer, VibeVoiceAsrForConditionalGeneration

from model.family.vibevoice_asr_streaming.geometry import WindowGeometry
from model.family.vibevoice_asr_streaming.protocol import TURN_END
from model.tiny.streaming.original_layout import described, original_name

ADAPTER = Path(__file__).parent / "adapter.safetensors"
TINY = Path(__file__).parents[1] / "checkpoint"
GEOMETRY = WindowGeometry(24_000, 3_200, chunk=15, lookahead=4)
"""Other windows than those of the released checkpoints known best, 22 frames and 4, so that nobody assumes these."""
RANK = 32


class LowRank(nn.Module):
    """A weight with a low-rank part added: [out, in] + [out, rank] @ [rank, in]."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, weight.shape[1]) * weight.shape[1] ** -0.5)
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.up @ self.down


def adapted(model: Any, rank: int) -> dict[str, nn.Parameter]:
    """Give the language model what may learn. Returns it by names."""
    learned: dict[str, nn.Parameter] = {}
    for name, module in model.model.language_model.named_modules():
        if isinstance(module, nn.Linear):
            part = LowRank(module.weight, rank)
            parametrize.register_parametrization(module, "weight", part)
            learned |= {f"{name}.down": part.down, f"{name}.up": part.up}
        elif isinstance(weight := getattr(module, "weight", None), nn.Parameter):
            learned[f"{name}.weight"] = weight
    learned["lm_head.weight"] = model.lm_head.weight
    for weight in learned.values():
        weight.requires_grad_()
    return learned


def tokenizer() -> Qwen2Tokenizer:
    """The tiny checkpoint's, with the token behind a turn added as the next one."""
    made: Any = AutoTokenizer.from_pretrained(TINY)
    made.add_tokens([AddedToken(TURN_END, special=True)])
    kept: Qwen2Tokenizer = made
    return kept


def trained(adapter: Path = ADAPTER) -> VibeVoiceAsrForConditionalGeneration:
    """The model, in Transformers' classes, float32."""
    model: Any = VibeVoiceAsrForConditionalGeneration.from_pretrained(TINY, dtype=torch.float32)
    learned = adapted(model, RANK)
    with torch.no_grad():
        for name, value in load_file(adapter).items():
            learned[name].copy_(value)
    for module in model.model.language_model.modules():
        if isinstance(module, nn.Linear):
            parametrize.remove_parametrizations(module, "weight")
    whole: VibeVoiceAsrForConditionalGeneration = model.requires_grad_(False).train(False)
    return whole


def assemble(folder: Path) -> Path:
    """Write the checkpoint into ``folder`` as Microsoft's code would: bf16, a tokenizer, the sizes of its windows."""
    folder.mkdir(parents=True, exist_ok=True)
    model = trained()
    weights = {original_name(name): value.to(torch.bfloat16).contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(described(model.config), indent=2) + "\n")
    sizes = {
        "processor_class": "VibeVoiceASRProcessor",
        "target_sample_rate": GEOMETRY.sample_rate,
        "speech_tok_compress_ratio": GEOMETRY.hop,
        "normalize_audio": False,
        "chunk_frames": GEOMETRY.chunk,
        "lookahead_frames": GEOMETRY.lookahead,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(sizes, indent=2) + "\n")
    tokenizer().save_pretrained(folder)
    (folder / "chat_template.jinja").unlink(missing_ok=True)  # these models have none
    return folder


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    assemble(parser.parse_args().folder)


if __name__ == "__main__":
    main()
